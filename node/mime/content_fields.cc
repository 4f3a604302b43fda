#include "node/mime/content_fields.h"

#include <charconv>

#include "node/mime/field.h"
#include "node/mime/lexer.h"

namespace everpost::node::mime {
namespace {

// What stands after "name=": a quoted string, or anything up to the semicolon. RFC 2045 §5.1 allows
// a token only, but file names with blanks and boundaries with '=' or '?' come without quotes, too.
std::string parameter_value(Lexer& lexer) {
  std::string value;
  lexer.skip_cfws();
  if (lexer.peek() == '"') {
    lexer.quoted_string(value);
    return value;
  }
  while (!lexer.done() && lexer.peek() != ';') {
    lexer.until(" \t\r\n;", value);
    // A comment after a blank is one (RFC 2045 §5.1: "charset=us-ascii (Plain text)").
    if (lexer.skip_cfws() && !lexer.done() && lexer.peek() != ';') value.push_back(' ');
  }
  return value;
}

void parse_parameters(Lexer& lexer, Parameters& to) {
  std::string ignored;
  while (to.size() < kParametersMax) {
    lexer.until(";", ignored);
    if (!lexer.take(';')) return;
    lexer.skip_cfws();
    std::string name;
    lexer.until("=; \t\r\n(\"", name);
    lexer.skip_cfws();
    if (name.empty() || !lexer.take('=')) continue;
    std::string value = parameter_value(lexer);
    to.emplace_back(std::move(name), std::move(value));
  }
}

// "us-ascii'en'value" (RFC 2231 §4) is "value".
std::string_view without_charset(std::string_view value) {
  const std::size_t language = value.find('\'');
  if (language == std::string_view::npos) return value;
  const std::size_t text = value.find('\'', language + 1);
  return text == std::string_view::npos ? value : value.substr(text + 1);
}

std::string percent_decoded(std::string_view value) {
  std::string decoded;
  while (!value.empty()) {
    unsigned byte = 0;
    if (value.size() >= 3 && value[0] == '%' &&
        std::from_chars(value.data() + 1, value.data() + 3, byte, 16).ptr == value.data() + 3) {
      decoded.push_back(static_cast<char>(byte));
      value.remove_prefix(3);
    } else {
      decoded.push_back(value[0]);
      value.remove_prefix(1);
    }
  }
  return decoded;
}

}  // namespace

std::optional<ContentType> parse_content_type(std::string_view value) {
  Lexer lexer(value);
  lexer.skip_cfws();
  ContentType content;
  content.type = lexer.token();
  lexer.skip_cfws();
  if (content.type.empty() || !lexer.take('/')) return std::nullopt;
  lexer.skip_cfws();
  content.subtype = lexer.token();
  if (content.subtype.empty()) return std::nullopt;
  parse_parameters(lexer, content.parameters);
  return content;
}

std::optional<Disposition> parse_disposition(std::string_view value) {
  Lexer lexer(value);
  lexer.skip_cfws();
  Disposition disposition;
  disposition.kind = lexer.token();
  if (disposition.kind.empty()) return std::nullopt;
  parse_parameters(lexer, disposition.parameters);
  return disposition;
}

std::string parse_encoding(std::string_view value) {
  Lexer lexer(value);
  lexer.skip_cfws();
  return std::string(lexer.token());
}

const std::string* find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (equal_fold(key, name)) return &value;
  return nullptr;
}

std::optional<std::string> ascii_parameter(const Parameters& parameters, std::string_view name) {
  if (const std::string* value = find_parameter(parameters, name)) return *value;
  std::string key(name);
  if (const std::string* value = find_parameter(parameters, key + "*"))
    return percent_decoded(without_charset(*value));
  std::optional<std::string> joined;
  for (std::size_t n = 0; n < kParametersMax; ++n) {
    key.resize(name.size());
    key += '*' + std::to_string(n);
    if (const std::string* plain = find_parameter(parameters, key)) {
      joined = joined.value_or("") + *plain;
    } else if (const std::string* coded = find_parameter(parameters, key + "*")) {
      joined = joined.value_or("") + percent_decoded(n == 0 ? without_charset(*coded) : *coded);
    } else {
      break;
    }
  }
  return joined;
}

}  // namespace everpost::node::mime
