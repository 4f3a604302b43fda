// The grammar's rules, one for each command: called with the cursor behind the command's name, they
// leave it at the end of what belongs to the command. An error is in the cursor afterwards.
#pragma once

#include "node/imap/syntax/command.h"
#include "node/imap/syntax/cursor.h"

namespace everpost::node::imap {

IdCommand parse_id(Cursor& cursor);
AuthenticateCommand parse_authenticate(Cursor& cursor);
LoginCommand parse_login(Cursor& cursor);
EnableCommand parse_enable(Cursor& cursor);

SelectCommand parse_select(Cursor& cursor, bool read_only);
CreateCommand parse_create(Cursor& cursor);
DeleteCommand parse_delete(Cursor& cursor);
RenameCommand parse_rename(Cursor& cursor);
SubscribeCommand parse_subscribe(Cursor& cursor, bool on);
StatusCommand parse_status(Cursor& cursor);
AppendCommand parse_append_arguments(Cursor& cursor);

ListCommand parse_list(Cursor& cursor);
LsubCommand parse_lsub(Cursor& cursor);
StatusItems parse_status_items(Cursor& cursor);  // with the parentheses

SearchCommand parse_search(Cursor& cursor, bool uid);
FetchCommand parse_fetch(Cursor& cursor, bool uid);
StoreCommand parse_store(Cursor& cursor, bool uid);
CopyCommand parse_copy(Cursor& cursor, bool uid, bool move);
ExpungeCommand parse_uid_expunge(Cursor& cursor);

}  // namespace everpost::node::imap
