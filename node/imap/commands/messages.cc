#include "node/imap/commands/messages.h"

namespace everpost::node::imap {

Result<NamedMessages> named_messages(const Selected& selected, const SequenceSet& set, bool uid) {
  NamedMessages named;
  if (uid) {
    named.uids = difference(selected.view.uids_named(set), selected.vanished);
    return named;
  }
  if (selected.view.names_unknown(set))
    return Error{ErrorCode::kInvalidArgument, "there is no message with this number"};
  const storage::UidSet uids = selected.view.uids_of(set);
  named.uids = difference(uids, selected.vanished);
  named.some_gone = named.uids != uids;
  return named;
}

}  // namespace everpost::node::imap
