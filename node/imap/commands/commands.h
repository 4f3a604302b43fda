// The commands, one file each. Each runs one command of a session to its end, writes its untagged
// responses to the session's output and returns what the tagged one says. An Error is the
// connection's: the session is over.
#pragma once

#include "node/imap/session/session.h"
#include "node/imap/syntax/command.h"

namespace everpost::node::imap {

Task<Reply> run_capability(Session& session, CapabilityCommand command);
Task<Reply> run_noop(Session& session, NoopCommand command);
Task<Reply> run_logout(Session& session, LogoutCommand command);
Task<Reply> run_id(Session& session, IdCommand command);

Task<Reply> run_starttls(Session& session, StartTlsCommand command);
Task<Reply> run_authenticate(Session& session, AuthenticateCommand command);
Task<Reply> run_login(Session& session, LoginCommand command);

Task<Reply> run_enable(Session& session, EnableCommand command);
Task<Reply> run_select(Session& session, SelectCommand command);
Task<Reply> run_create(Session& session, CreateCommand command);
Task<Reply> run_delete(Session& session, DeleteCommand command);
Task<Reply> run_rename(Session& session, RenameCommand command);
Task<Reply> run_subscribe(Session& session, SubscribeCommand command);
Task<Reply> run_namespace(Session& session, NamespaceCommand command);
Task<Reply> run_status(Session& session, StatusCommand command);
Task<Reply> run_list(Session& session, ListCommand command);
Task<Reply> run_lsub(Session& session, LsubCommand command);
Task<Reply> run_append(Session& session, AppendCommand command);
Task<Reply> run_idle(Session& session, IdleCommand command);

Task<Reply> run_check(Session& session, CheckCommand command);
Task<Reply> run_close(Session& session, CloseCommand command);
Task<Reply> run_unselect(Session& session, UnselectCommand command);
Task<Reply> run_expunge(Session& session, ExpungeCommand command);
Task<Reply> run_search(Session& session, SearchCommand command);
Task<Reply> run_fetch(Session& session, FetchCommand command);
Task<Reply> run_store(Session& session, StoreCommand command);
Task<Reply> run_copy(Session& session, CopyCommand command);

}  // namespace everpost::node::imap
