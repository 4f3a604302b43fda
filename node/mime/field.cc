#include "node/mime/field.h"

#include <algorithm>

namespace everpost::node::mime {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

bool equal_fold(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t field_colon(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && line[at] > ' ' && line[at] < 127 && line[at] != ':') ++at;
  if (at == 0) return std::string_view::npos;
  while (at < line.size() && is_blank(line[at])) ++at;
  return at < line.size() && line[at] == ':' ? at : std::string_view::npos;
}

bool FieldReader::next(Field& field) {
  if (rest_.empty() || rest_.starts_with('\n') || rest_.starts_with("\r\n")) return false;

  std::size_t end = 0;
  do {  // the first line, then those that begin with a blank (RFC 5322 §2.2.3)
    const std::size_t newline = rest_.find('\n', end);
    end = newline == std::string_view::npos ? rest_.size() : newline + 1;
  } while (end < rest_.size() && is_blank(rest_[end]));

  field.all = rest_.substr(0, end);
  rest_.remove_prefix(end);
  const std::size_t colon = field_colon(field.all);
  if (colon == std::string_view::npos) {
    field.name = {};
    field.value = field.all;
    return true;
  }
  field.name = field.all.substr(0, colon);
  while (is_blank(field.name.back())) field.name.remove_suffix(1);
  field.value = field.all.substr(colon + 1);
  return true;
}

std::string unfold(std::string_view value, std::size_t bytes_max) {
  while (!value.empty() && static_cast<unsigned char>(value.front()) <= ' ' && value.front() != 0)
    value.remove_prefix(1);
  std::string text;
  while (!value.empty() && text.size() < bytes_max) {
    const std::size_t newline = value.find('\n');
    std::string_view line = value.substr(0, newline);
    value.remove_prefix(newline == std::string_view::npos ? value.size() : newline + 1);
    if (newline != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    text.append(line.substr(0, bytes_max - text.size()));
  }
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.pop_back();
  std::ranges::replace(text, '\0', '?');
  return text;
}

}  // namespace everpost::node::mime
