// The selected mailbox (RFC 3501 §3.3), and what the client is told of its changes. Pure but for
// the watch: changes come in as a value, responses go out as text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/mail_store.h"
#include "node/imap/session/view.h"
#include "node/imap/session/wake.h"
#include "storage/machine/mail_reader.h"

namespace everpost::node::imap {

// Changes that the client knows already, because its own command made them: not told again.
struct OwnChange {
  ModSeq modseq;
  storage::UidSet uids;
  bool modseq_untold = false;  // .SILENT: told all the same if MODSEQ is wanted (RFC 7162 §3.1.3)
};

struct Selected {
  MailboxId id;
  UidValidity uid_validity;
  bool read_only = false;
  Uid first_recent;          // messages from here on are \Recent in this session
  std::size_t keywords = 0;  // that the client has been told of

  std::uint32_t deleted = 0;  // messages with \Deleted, as of `modseq`

  View view;
  Uid uid_next;              // messages from here on are not in the view
  ModSeq modseq;             // changes up to here have been told, or are in `vanished`
  storage::UidSet vanished;  // still in the view: the client must not be told yet
  std::vector<OwnChange> own_changes;

  Uid unclaimed_from;  // messages from here on have been claimed by no session, as far as we know

  bool behind = false;  // changes could not be read: to be tried again
  std::shared_ptr<Wake> wake;
  std::unique_ptr<cluster::Watch> watch;

  bool is_recent(Uid uid) const { return uid >= first_recent; }
};

struct Telling {
  bool expunges = false;  // EXPUNGE may be sent now (RFC 3501 §7.4.1)
  bool modseq = false;    // the client wants MODSEQ (RFC 7162 §3.2)
};

// Takes in what changed since `selected.modseq` and appends the responses, in steps, because more
// may have changed than shall be held in memory. First new keywords and expunges: FLAGS.
void take_in(Selected& selected, const storage::MailboxChanges& changes, std::string& out);
// Then messages that changed or arrived, some at a time, by ascending UID: FETCH.
void tell_messages(Selected& selected, const std::vector<storage::MessageInfo>& messages,
                   Telling telling, std::string& out);
// Then, if all of them have been told, what follows for the mailbox: EXPUNGE, EXISTS, RECENT.
// `size_before` was the view's before the first step. Returns false if the view cannot be brought
// up to date this way, because expunges were forgotten meanwhile: then rebuild().
bool finish_telling(Selected& selected, const storage::MailboxInfo& mailbox,
                    std::uint32_t size_before, Telling telling, std::string& out);

// Compares the view with all UIDs of the mailbox: the rest of what tell_changes() could not know.
void rebuild(Selected& selected, const std::vector<Uid>& uids, Telling telling, std::string& out);

// "* 23 EXISTS" and "* 3 RECENT" (RFC 3501 §7.3.1, §7.3.2).
void tell_size(const Selected& selected, std::string& out);

// "* 5 FETCH (UID 12 FLAGS (...) MODSEQ (77))", for a message of the view.
void append_fetch(const Selected& selected, const storage::MessageInfo& message, bool flags,
                  bool modseq, std::string& out);

// Sends what was held back.
void tell_expunges(Selected& selected, std::string& out);

// "* FLAGS (...)" and "* OK [PERMANENTFLAGS (...)] ..." (RFC 3501 §7.1, §7.2.6).
void append_flag_responses(const std::vector<std::string>& keywords, bool read_only,
                           std::string& out);

}  // namespace everpost::node::imap
