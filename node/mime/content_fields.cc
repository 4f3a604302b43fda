#include "node/mime/content_fields.h"

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

}  // namespace everpost::node::mime
