#include "node/imap/session/output.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kLarge = 64 << 10;
constexpr std::size_t kKeptCapacity = 1024;  // of an idle session

}  // namespace

Task<void> Output::send(std::span<const std::string_view> parts) {
  std::size_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  if (pending_.size() + bytes < kLarge) {
    for (const std::string_view part : parts) pending_ += part;
    co_return Result<void>{};
  }
  CO_CHECK(co_await flush());
  CO_CHECK(co_await connection_.write(parts));
  bytes_ += bytes;
  co_return Result<void>{};
}

Task<void> Output::flush() {
  if (pending_.empty()) co_return Result<void>{};
  CO_CHECK(co_await connection_.write(pending_));
  bytes_ += pending_.size();
  pending_.clear();
  if (pending_.capacity() > kKeptCapacity) std::string().swap(pending_);
  co_return Result<void>{};
}

Task<void> Output::flush_if_large() {
  if (pending_.size() >= kLarge) co_return co_await flush();
  co_return Result<void>{};
}

}  // namespace everpost::node::imap
