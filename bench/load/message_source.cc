#include "bench/load/message_source.h"

#include <cstdio>
#include <cstring>

namespace everpost::load {
namespace {

constexpr std::size_t kLine = 76;

}  // namespace

MessageSource::MessageSource(std::uint64_t size, std::uint64_t run) : run_(run) {
  char id[64];
  id_bytes_ =
      static_cast<std::size_t>(std::snprintf(id, sizeof id, "<%016llx.%012llx@load.invalid>",
                                             static_cast<unsigned long long>(run_), 0ULL));
  message_ =
      "Date: Tue, 24 Nov 2026 09:00:00 +0000\r\n"
      "From: Load Generator <load@example.net>\r\n"
      "To: Somebody <somebody@example.test>\r\n"
      "Subject: A message that measures\r\n"
      "Message-ID: ";
  id_at_ = message_.size();
  message_ += id;
  message_ +=
      "\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=us-ascii\r\n"
      "\r\n";
  variable_at_ = message_.size();
  std::uint64_t state = run | 1;
  while (message_.size() + 2 < size) {
    const std::size_t length = std::min<std::size_t>(kLine, size - message_.size() - 2);
    for (std::size_t i = 0; i < length; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      message_ += static_cast<char>('a' + (state >> 33) % 26);
    }
    message_ += "\r\n";
  }
  if (!message_.ends_with("\r\n")) message_ += "\r\n";
}

std::string_view MessageSource::next() {
  char id[64];
  std::snprintf(id, sizeof id, "<%016llx.%012llx@load.invalid>",
                static_cast<unsigned long long>(run_), static_cast<unsigned long long>(++number_));
  std::memcpy(message_.data() + id_at_, id, id_bytes_);
  // The text differs as well, so that no two messages share their content.
  if (message_.size() > variable_at_ + 12) std::memcpy(message_.data() + variable_at_, id + 18, 12);
  return message_;
}

std::string_view MessageSource::message_id() const {
  return std::string_view(message_).substr(id_at_, id_bytes_);
}

}  // namespace everpost::load
