// LIST with the options of RFC 5258, RFC 5819 and RFC 6154; LSUB.
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kPatternsMax = 50;
constexpr std::size_t kPatternBytesMax = 2000;  // of all: each is tried on every mailbox

// The reference stands before each pattern (RFC 3501 §6.3.8).
void bound(Cursor& cursor, std::size_t patterns, std::size_t bytes, const std::string& reference) {
  if (patterns > kPatternsMax || bytes + patterns * reference.size() > kPatternBytesMax)
    cursor.refuse("[LIMIT] too many patterns, or too long ones");
}

void selection_options(Cursor& cursor, ListCommand& command) {
  cursor.expect('(');
  command.extended = true;
  if (cursor.take(')')) return;
  do {
    if (cursor.take_word("SUBSCRIBED"))
      command.only_subscribed = true;
    else if (cursor.take_word("RECURSIVEMATCH"))
      command.recursive_match = true;
    else if (cursor.take_word("SPECIAL-USE"))
      command.only_special_use = true;
    else if (!cursor.take_word("REMOTE"))  // RFC 5258 §3.1: there are none here
      cursor.fail("unknown LIST selection option");
  } while (cursor.take(' '));
  cursor.expect(')');
  // RFC 5258 §3.1: RECURSIVEMATCH says something about another option only.
  if (command.recursive_match && !command.only_subscribed)
    cursor.fail("RECURSIVEMATCH needs SUBSCRIBED");
}

void return_options(Cursor& cursor, ListCommand& command) {
  if (!cursor.take_word("RETURN")) cursor.fail("RETURN is missing");
  command.extended = true;
  cursor.space();
  cursor.expect('(');
  if (cursor.take(')')) return;
  do {
    if (cursor.take_word("SUBSCRIBED")) {
      command.return_subscribed = true;
    } else if (cursor.take_word("CHILDREN")) {
      command.return_children = true;
    } else if (cursor.take_word("SPECIAL-USE")) {
      command.return_special_use = true;
    } else if (cursor.take_word("STATUS")) {
      cursor.space();
      command.status = parse_status_items(cursor);
    } else {
      cursor.fail("unknown LIST return option");
    }
  } while (cursor.take(' '));
  cursor.expect(')');
}

}  // namespace

ListCommand parse_list(Cursor& cursor) {
  ListCommand command;
  cursor.space();
  if (cursor.peek() == '(') {
    selection_options(cursor, command);
    cursor.space();
  }
  command.reference = cursor.mailbox();
  cursor.space();
  if (cursor.take('(')) {
    command.extended = true;
    std::size_t bytes = 0;
    do {
      command.patterns.push_back(cursor.list_mailbox());
      bytes += command.patterns.back().size();
      bound(cursor, command.patterns.size(), bytes, command.reference);
    } while (cursor.take(' '));
    cursor.expect(')');
  } else {
    command.patterns.push_back(cursor.list_mailbox());
    bound(cursor, 1, command.patterns.back().size(), command.reference);
  }
  if (cursor.take(' ')) return_options(cursor, command);
  return command;
}

LsubCommand parse_lsub(Cursor& cursor) {
  LsubCommand command;
  cursor.space();
  command.reference = cursor.mailbox();
  cursor.space();
  command.pattern = cursor.list_mailbox();
  bound(cursor, 1, command.pattern.size(), command.reference);
  return command;
}

}  // namespace everpost::node::imap
