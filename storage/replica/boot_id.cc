#include "storage/replica/boot_id.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/random.h"

namespace everpost::storage {
namespace {

constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";  // proc(5)

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Uuid current_boot() {
  std::string text;
  std::ifstream(kPath) >> text;
  std::erase(text, '-');
  Uuid boot{};
  if (text.size() != 2 * boot.size() ||
      !std::ranges::all_of(text, [](char c) { return hex_digit(c) >= 0; }))
    return random_uuid();
  for (std::size_t i = 0; i < boot.size(); ++i)
    boot[i] = static_cast<std::byte>(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
  return boot;
}

}  // namespace everpost::storage
