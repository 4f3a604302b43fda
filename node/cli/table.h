// Output for people: a table, sizes with units.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everpost::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Columns as wide as their widest cell; control characters shown as '?'.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "1536" -> "1.5 KiB"
std::string size_text(std::uint64_t bytes);
// "1.5 KiB", "20000", "5G" (powers of 1024); nothing if it is no size.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "3 d 4 h"
std::string duration_text(std::uint64_t seconds);

}  // namespace everpost::cli
