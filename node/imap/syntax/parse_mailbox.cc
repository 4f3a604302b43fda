// SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS, APPEND.
#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/date_time.h"
#include "node/imap/syntax/mailbox_name.h"
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kUsesMax = 10;

std::string space_and_mailbox(Cursor& cursor) {
  cursor.space();
  return cursor.mailbox();
}

}  // namespace

SelectCommand parse_select(Cursor& cursor, bool read_only) {
  SelectCommand command{space_and_mailbox(cursor), read_only, false};
  if (!cursor.take(' ')) return command;
  cursor.expect('(');  // RFC 4466 §2.1, select-params
  do {
    if (cursor.take_word("CONDSTORE"))
      command.condstore = true;
    else
      cursor.fail("unknown SELECT parameter");
  } while (cursor.take(' '));
  cursor.expect(')');
  return command;
}

CreateCommand parse_create(Cursor& cursor) {
  CreateCommand command;
  command.mailbox = space_and_mailbox(cursor);
  // RFC 3501 §6.3.3: a delimiter at the end only says that there will be mailboxes below.
  if (command.mailbox.ends_with(kHierarchyDelimiter)) command.mailbox.pop_back();
  if (!cursor.take(' ')) return command;
  cursor.expect('(');
  if (!cursor.take_word("USE")) cursor.fail("unknown CREATE parameter");
  cursor.space();
  cursor.expect('(');
  if (!cursor.take(')')) {
    do {
      cursor.expect('\\');
      command.special_use.push_back("\\" + std::string(cursor.atom()));
      if (command.special_use.size() > kUsesMax) cursor.fail("too many uses");
    } while (cursor.take(' '));
    cursor.expect(')');
  }
  cursor.expect(')');
  return command;
}

DeleteCommand parse_delete(Cursor& cursor) { return {space_and_mailbox(cursor)}; }

RenameCommand parse_rename(Cursor& cursor) {
  RenameCommand command;
  command.from = space_and_mailbox(cursor);
  command.to = space_and_mailbox(cursor);
  if (command.to.ends_with(kHierarchyDelimiter)) command.to.pop_back();
  return command;
}

SubscribeCommand parse_subscribe(Cursor& cursor, bool on) {
  return {space_and_mailbox(cursor), on};
}

StatusItems parse_status_items(Cursor& cursor) {
  StatusItems items;
  cursor.expect('(');
  do {
    const std::string item = cursor.upper_atom();
    if (item == "MESSAGES")
      items.messages = true;
    else if (item == "RECENT")
      items.recent = true;
    else if (item == "UIDNEXT")
      items.uid_next = true;
    else if (item == "UIDVALIDITY")
      items.uid_validity = true;
    else if (item == "UNSEEN")
      items.unseen = true;
    else if (item == "HIGHESTMODSEQ")
      items.highest_modseq = true;
    else if (item == "SIZE")
      items.size = true;
    else if (item == "APPENDLIMIT")
      items.append_limit = true;
    else
      cursor.fail("unknown STATUS item");
  } while (cursor.take(' '));
  cursor.expect(')');
  return items;
}

StatusCommand parse_status(Cursor& cursor) {
  StatusCommand command;
  command.mailbox = space_and_mailbox(cursor);
  cursor.space();
  command.items = parse_status_items(cursor);
  return command;
}

AppendCommand parse_append_arguments(Cursor& cursor) {
  AppendCommand command;
  command.mailbox = space_and_mailbox(cursor);
  cursor.space();
  if (cursor.peek() == '(') {
    command.flags = cursor.flag_list();
    cursor.space();
  }
  if (cursor.peek() == '"') {
    command.date = parse_date_time(cursor.string());
    if (!command.date) cursor.fail("not a date and time");
    cursor.space();
  }
  if (const auto message = cursor.message_literal()) {
    command.bytes = message->bytes;
    command.synchronizing = message->synchronizing;
  }
  return command;
}

}  // namespace everpost::node::imap
