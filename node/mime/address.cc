#include "node/mime/address.h"

#include "node/mime/lexer.h"

namespace everpost::node::mime {
namespace {

class AddressParser {
 public:
  AddressParser(std::string_view value, std::size_t addresses_max, std::vector<Address>& to)
      : lexer_(value), addresses_max_(addresses_max), to_(to) {}

  void parse() {
    while (to_.size() < addresses_max_) {
      lexer_.skip_cfws();
      if (lexer_.done()) break;
      if (lexer_.take(',')) continue;  // empty list elements (RFC 5322 §4.4)
      if (lexer_.take(';')) {
        end_group();
        continue;
      }
      one();
    }
    end_group();
  }

 private:
  void add(Address address) {
    if (to_.size() < addresses_max_) to_.push_back(std::move(address));
  }

  void end_group() {
    if (!in_group_) return;
    in_group_ = false;
    // Not bounded by addresses_max_: a group that was begun has an end.
    to_.push_back({});
  }

  // Words until something that tells what they are. `phrase` has them with single spaces where
  // there was space, `local` without.
  void one() {
    std::string phrase, local, comment;
    bool quoted = false;
    for (;;) {
      if (lexer_.skip_cfws(&comment) && !phrase.empty()) phrase.push_back(' ');
      if (lexer_.done()) break;
      switch (lexer_.peek()) {
        case '<':
          trim(phrase);
          if (phrase.empty() && !quoted) return angle(std::nullopt);
          return angle(std::move(phrase));
        case '@':
          lexer_.skip();
          return bare(std::move(local));
        case ':':
          lexer_.skip();
          trim(phrase);
          if (in_group_ || phrase.empty()) {  // a stray one: what is before it is nothing
            phrase.clear();
            local.clear();
            continue;
          }
          in_group_ = true;
          return add({.name = {}, .route = {}, .mailbox = std::move(phrase), .host = {}});
        case ',':
        case ';':
          return lonely(std::move(phrase), std::move(local), std::move(comment));
        case '>':
          lexer_.skip();
          continue;
        case '"': {
          quoted = true;
          std::string word;
          lexer_.quoted_string(word);
          phrase += word;
          local += word;
          continue;
        }
        default: {
          std::string word;
          if (lexer_.peek() == ')') {  // closes nothing
            word.push_back(')');
            lexer_.skip();
          }
          lexer_.until(" \t\r\n()<>@,;:\"", word);
          phrase += word;
          local += word;
        }
      }
    }
    lonely(std::move(phrase), std::move(local), std::move(comment));
  }

  // Words that nothing follows: a local part if it is one word, else a name without an address.
  void lonely(std::string phrase, std::string local, std::string comment) {
    trim(phrase);
    if (phrase.empty() && comment.empty()) return;
    Address address;
    address.host = "";
    if (phrase.find(' ') == std::string::npos && !phrase.empty()) {
      address.mailbox = std::move(local);
      if (!comment.empty()) address.name = std::move(comment);
    } else {
      address.mailbox = "";
      address.name = phrase.empty() ? std::move(comment) : std::move(phrase);
    }
    add(std::move(address));
  }

  // After the '@' of "local@domain (Name)".
  void bare(std::string local) {
    Address address;
    address.mailbox = std::move(local);
    std::string comment;
    address.host = domain(comment);
    if (!comment.empty()) address.name = std::move(comment);
    to_end_of_element();
    add(std::move(address));
  }

  // At the '<' of "Name <@route:local@domain>".
  void angle(std::optional<std::string> name) {
    lexer_.skip();
    Address address;
    std::string comment;
    lexer_.skip_cfws();
    if (lexer_.peek() == '@') address.route = route();
    std::string local;
    bool at = false;
    for (;;) {
      lexer_.skip_cfws();
      const char c = lexer_.peek();
      if (lexer_.done() || c == '>' || c == ',' || c == ';') break;
      if (c == '@') {
        lexer_.skip();
        at = true;
        break;
      }
      if (c == '"') {
        lexer_.quoted_string(local);
      } else if (c == ':' || c == '<' || c == ')') {
        lexer_.skip();
      } else {
        lexer_.until(" \t\r\n()<>@,;:\"", local);
      }
    }
    address.mailbox = std::move(local);
    address.host = at ? domain(comment) : "";
    comment.clear();
    to_end_of_element(&comment);
    if (!name && !comment.empty()) name = std::move(comment);
    address.name = std::move(name);
    add(std::move(address));
  }

  // "@a,@b:" in front of an address (RFC 5322 §4.4, obs-route), without the colon.
  std::string route() {
    std::string route;
    for (;;) {
      lexer_.skip_cfws();
      if (lexer_.take(':') || lexer_.done() || lexer_.peek() == '>') return route;
      const std::size_t before = route.size();
      lexer_.until(" \t\r\n()<>:", route);
      if (route.size() == before) lexer_.skip();
    }
  }

  // Dot-atom or domain-literal, blanks and comments between the atoms gone (RFC 5322 §4.4,
  // obs-domain). The comment behind it goes to `comment`.
  std::string domain(std::string& comment) {
    std::string domain;
    for (;;) {
      const bool gap = lexer_.skip_cfws(&comment);
      if (lexer_.done()) return domain;
      const char c = lexer_.peek();
      if (gap && !domain.empty() && c != '.' && !domain.ends_with('.')) return domain;
      if (c == '[') {
        lexer_.until("]", domain);
        if (lexer_.take(']')) domain.push_back(']');
        continue;
      }
      const std::size_t before = domain.size();
      lexer_.until(" \t\r\n()<>,;:\"[", domain);
      if (domain.size() == before) return domain;
    }
  }

  // Passes over what stands between an address and the next comma.
  void to_end_of_element(std::string* comment = nullptr) {
    for (;;) {
      lexer_.skip_cfws(comment);
      if (lexer_.done() || lexer_.peek() == ',' || lexer_.peek() == ';') return;
      if (lexer_.peek() == '"') {
        std::string ignored;
        lexer_.quoted_string(ignored);
      } else {
        lexer_.skip();
      }
    }
  }

  static void trim(std::string& text) {
    while (text.ends_with(' ')) text.pop_back();
  }

  Lexer lexer_;
  const std::size_t addresses_max_;
  std::vector<Address>& to_;
  bool in_group_ = false;
};

}  // namespace

void parse_addresses(std::string_view value, std::size_t addresses_max, std::vector<Address>& to) {
  AddressParser(value, addresses_max, to).parse();
}

}  // namespace everpost::node::mime
