#include "node/imap/syntax/parse.h"

#include <algorithm>
#include <iterator>

#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/cursor.h"
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {
namespace {

using Rule = CommandArguments (*)(Cursor&);

template <class Bare>
CommandArguments bare(Cursor&) {
  return Bare{};
}

struct NamedRule {
  std::string_view name;
  Rule parse;
};

// RFC 3501 §9, command-any, command-auth, command-nonauth, command-select; extensions beside them.
constexpr NamedRule kRules[] = {
    {"CAPABILITY", bare<CapabilityCommand>},
    {"NOOP", bare<NoopCommand>},
    {"LOGOUT", bare<LogoutCommand>},
    {"ID", [](Cursor& c) -> CommandArguments { return parse_id(c); }},
    {"STARTTLS", bare<StartTlsCommand>},
    {"AUTHENTICATE", [](Cursor& c) -> CommandArguments { return parse_authenticate(c); }},
    {"LOGIN", [](Cursor& c) -> CommandArguments { return parse_login(c); }},
    {"ENABLE", [](Cursor& c) -> CommandArguments { return parse_enable(c); }},
    {"SELECT", [](Cursor& c) -> CommandArguments { return parse_select(c, false); }},
    {"EXAMINE", [](Cursor& c) -> CommandArguments { return parse_select(c, true); }},
    {"CREATE", [](Cursor& c) -> CommandArguments { return parse_create(c); }},
    {"DELETE", [](Cursor& c) -> CommandArguments { return parse_delete(c); }},
    {"RENAME", [](Cursor& c) -> CommandArguments { return parse_rename(c); }},
    {"SUBSCRIBE", [](Cursor& c) -> CommandArguments { return parse_subscribe(c, true); }},
    {"UNSUBSCRIBE", [](Cursor& c) -> CommandArguments { return parse_subscribe(c, false); }},
    {"LIST", [](Cursor& c) -> CommandArguments { return parse_list(c); }},
    {"LSUB", [](Cursor& c) -> CommandArguments { return parse_lsub(c); }},
    {"NAMESPACE", bare<NamespaceCommand>},
    {"STATUS", [](Cursor& c) -> CommandArguments { return parse_status(c); }},
    {"APPEND", [](Cursor& c) -> CommandArguments { return parse_append_arguments(c); }},
    {"IDLE", bare<IdleCommand>},
    {"CHECK", bare<CheckCommand>},
    {"CLOSE", bare<CloseCommand>},
    {"UNSELECT", bare<UnselectCommand>},
    {"EXPUNGE", bare<ExpungeCommand>},
    {"SEARCH", [](Cursor& c) -> CommandArguments { return parse_search(c, false); }},
    {"FETCH", [](Cursor& c) -> CommandArguments { return parse_fetch(c, false); }},
    {"STORE", [](Cursor& c) -> CommandArguments { return parse_store(c, false); }},
    {"COPY", [](Cursor& c) -> CommandArguments { return parse_copy(c, false, false); }},
    {"MOVE", [](Cursor& c) -> CommandArguments { return parse_copy(c, false, true); }},
};
constexpr NamedRule kUidRules[] = {
    {"SEARCH", [](Cursor& c) -> CommandArguments { return parse_search(c, true); }},
    {"FETCH", [](Cursor& c) -> CommandArguments { return parse_fetch(c, true); }},
    {"STORE", [](Cursor& c) -> CommandArguments { return parse_store(c, true); }},
    {"COPY", [](Cursor& c) -> CommandArguments { return parse_copy(c, true, false); }},
    {"MOVE", [](Cursor& c) -> CommandArguments { return parse_copy(c, true, true); }},
    {"EXPUNGE", [](Cursor& c) -> CommandArguments { return parse_uid_expunge(c); }},
};

Rule rule_at(Cursor& cursor) {
  const bool uid = cursor.take_word("UID");
  if (uid) cursor.space();
  const std::string name = cursor.upper_atom();
  if (!cursor.ok()) return nullptr;
  const std::span<const NamedRule> rules = uid ? std::span<const NamedRule>(kUidRules) : kRules;
  const auto rule = std::ranges::find(rules, name, &NamedRule::name);
  if (rule != rules.end()) return rule->parse;
  cursor.fail("unknown command");
  return nullptr;
}

SyntaxError error_of(const Cursor& cursor, std::string tag) {
  return {std::move(tag), cursor.error_is_no(), cursor.error()};
}

}  // namespace

std::string tag_of(std::string_view bytes) {
  Cursor cursor(bytes);
  const std::string_view tag = cursor.tag();
  cursor.space();
  return cursor.ok() ? std::string(tag) : "*";
}

std::expected<Command, SyntaxError> parse_command(std::string_view bytes) {
  Cursor cursor(bytes);
  Command command{std::string(cursor.tag()), {}};
  cursor.space();
  if (!cursor.ok()) return std::unexpected(error_of(cursor, "*"));
  if (const Rule rule = rule_at(cursor)) {
    command.arguments = rule(cursor);
    cursor.end();
  }
  if (!cursor.ok()) return std::unexpected(error_of(cursor, std::move(command.tag)));
  return command;
}

AppendPrefix parse_append(std::string_view bytes) {
  Cursor cursor(bytes);
  AppendPrefix prefix;
  prefix.command.tag = cursor.tag();
  cursor.space();
  if (!cursor.take_word("APPEND")) return prefix;
  prefix.command.arguments = parse_append_arguments(cursor);
  if (cursor.incomplete()) return prefix;  // the mailbox is a literal
  if (cursor.ok()) {
    prefix.kind = AppendPrefix::Kind::kMessage;
  } else {
    prefix.kind = AppendPrefix::Kind::kError;
    prefix.error = error_of(cursor, prefix.command.tag);
  }
  return prefix;
}

}  // namespace everpost::node::imap
