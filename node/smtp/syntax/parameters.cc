#include "node/smtp/syntax/parameters.h"

#include <algorithm>

#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

Error invalid(const char* why) { return {ErrorCode::kInvalidArgument, why}; }

bool is_keyword(std::string_view text) {
  return !text.empty() && is_let_dig(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_let_dig(c) || c == '-'; });
}

// esmtp-value: printable, without "=" and space; UTF-8 by RFC 6531.
bool is_value(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return !is_ascii(c) || (c > ' ' && c <= '~' && c != '=');
  }) && is_utf8(text);
}

}  // namespace

Result<std::vector<Parameter>> parse_parameters(std::string_view text) {
  std::vector<Parameter> parameters;
  while (!text.empty()) {
    if (text.front() != ' ') return invalid("a space is missing after the address");
    const std::size_t start = text.find_first_not_of(' ');
    if (start == text.npos) break;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());

    const std::size_t equals = word.find('=');
    Parameter parameter{word.substr(0, equals), {}, equals != word.npos};
    if (!is_keyword(parameter.keyword)) return invalid("a parameter has no valid name");
    if (parameter.has_value) {
      parameter.value = word.substr(equals + 1);
      if (!is_value(parameter.value)) return invalid("a parameter has no valid value");
    }
    for (const Parameter& before : parameters)
      if (equals_ignoring_case(before.keyword, parameter.keyword))
        return invalid("a parameter is given twice");
    parameters.push_back(parameter);
  }
  return parameters;
}

}  // namespace everpost::node::smtp
