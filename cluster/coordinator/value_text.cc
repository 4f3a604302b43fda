#include "cluster/coordinator/value_text.h"

#include <cstdio>

#include "base/crc32c.h"

namespace everpost::cluster {

std::string with_crc(std::string lines) {
  char line[16];
  std::snprintf(line, sizeof line, "crc %08x\n", crc32c(as_bytes(lines)));
  return lines + line;
}

Result<std::string_view> checked_lines(std::string_view text) {
  const auto at = text.rfind("crc ");
  if (at == std::string_view::npos || text != with_crc(std::string(text.substr(0, at))))
    return Error{ErrorCode::kCorrupt, "its checksum does not fit its contents"};
  return text.substr(0, at);
}

std::string_view next_word(std::string_view& text) {
  const auto end = std::min(text.find_first_of(" \n"), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::optional<Uuid> uuid_in(std::string_view word) {
  Uuid id;
  if (word.size() != id.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const auto byte = number_in<unsigned char>(word.substr(2 * i, 2), 16);
    if (!byte) return std::nullopt;
    id[i] = std::byte{*byte};
  }
  return id;
}

}  // namespace everpost::cluster
