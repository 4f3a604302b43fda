// STORE, COPY, MOVE, UID EXPUNGE.
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {

StoreCommand parse_store(Cursor& cursor, bool uid) {
  StoreCommand command;
  command.uid = uid;
  cursor.space();
  command.set = cursor.sequence_set();
  cursor.space();
  if (cursor.take('(')) {  // RFC 7162 §3.1.3
    if (!cursor.take_word("UNCHANGEDSINCE")) cursor.fail("unknown STORE modifier");
    cursor.space();
    command.unchanged_since = ModSeq{cursor.number63()};
    cursor.expect(')');
    cursor.space();
  }
  using Mode = storage::StoreFlags::Mode;
  if (cursor.take('+'))
    command.mode = Mode::kAdd;
  else if (cursor.take('-'))
    command.mode = Mode::kRemove;
  if (cursor.take_word("FLAGS.SILENT"))
    command.silent = true;
  else if (!cursor.take_word("FLAGS"))
    cursor.fail("FLAGS is missing");
  cursor.space();
  if (cursor.peek() == '(') {
    command.flags = cursor.flag_list();
  } else {
    do cursor.flag(command.flags);
    while (cursor.take(' '));
  }
  return command;
}

CopyCommand parse_copy(Cursor& cursor, bool uid, bool move) {
  CopyCommand command;
  command.uid = uid;
  command.move = move;
  cursor.space();
  command.set = cursor.sequence_set();
  cursor.space();
  command.mailbox = cursor.mailbox();
  return command;
}

ExpungeCommand parse_uid_expunge(Cursor& cursor) {
  cursor.space();
  return {cursor.sequence_set()};
}

}  // namespace everpost::node::imap
