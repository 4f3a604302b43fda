// An IMAP command as the parser hands it to commands/: RFC 3501 §6 and the extensions that
// node/imap/README.md lists. Mailbox names are UTF-8, INBOX spelled so; flags and sets are parsed,
// nothing is looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "node/imap/syntax/fetch_item.h"
#include "node/imap/syntax/search_key.h"
#include "node/imap/syntax/sequence_set.h"
#include "storage/machine/mail_command.h"

namespace everpost::node::imap {

// --- in any state

struct CapabilityCommand {};
struct NoopCommand {};
struct LogoutCommand {};
struct IdCommand {  // RFC 2971; a value may be NIL
  std::vector<std::pair<std::string, std::optional<std::string>>> fields;
};

// --- not authenticated

struct StartTlsCommand {};
struct AuthenticateCommand {
  std::string mechanism;  // upper case
  // Decoded from base64; present with SASL-IR, where "=" stands for an empty one (RFC 4959 §3).
  std::optional<std::string> initial;
};
struct LoginCommand {
  std::string user, password;
};

// --- authenticated

struct EnableCommand {
  std::vector<std::string> capabilities;  // upper case
};
struct SelectCommand {  // SELECT and EXAMINE
  std::string mailbox;
  bool read_only = false;
  bool condstore = false;  // RFC 7162 §3.1.8
};
struct CreateCommand {
  std::string mailbox;
  std::vector<std::string> special_use;  // USE (…), RFC 6154 §3
};
struct DeleteCommand {
  std::string mailbox;
};
struct RenameCommand {
  std::string from, to;
};
struct SubscribeCommand {  // SUBSCRIBE and UNSUBSCRIBE
  std::string mailbox;
  bool on = true;
};
struct NamespaceCommand {};

struct StatusItems {
  bool messages = false, recent = false, uid_next = false, uid_validity = false, unseen = false;
  bool highest_modseq = false;  // RFC 7162 §3.1.2
  bool size = false;            // RFC 8438
  bool append_limit = false;    // RFC 7889 §4
  friend bool operator==(const StatusItems&, const StatusItems&) = default;
};
struct StatusCommand {
  std::string mailbox;
  StatusItems items;
};

// RFC 5258; a plain LIST has one pattern and no options.
struct ListCommand {
  std::string reference;
  std::vector<std::string> patterns;
  bool extended = false;  // options or several patterns were written, be they empty
  // selection options
  bool only_subscribed = false;
  bool recursive_match = false;
  bool only_special_use = false;  // RFC 6154 §3
  // return options
  bool return_subscribed = false;
  bool return_children = false;
  bool return_special_use = false;
  std::optional<StatusItems> status;  // RFC 5819
};
struct LsubCommand {
  std::string reference, pattern;
};

// APPEND up to its message, whose bytes have not been read: they come next on the connection.
struct AppendCommand {
  std::string mailbox;
  storage::Flags flags;
  std::optional<WallTime> date;
  std::uint64_t bytes = 0;
  bool synchronizing = true;  // {n}: the client waits for "+" before it sends (RFC 7888)
};
struct IdleCommand {};

// --- selected

struct CheckCommand {};
struct CloseCommand {};
struct UnselectCommand {};
struct ExpungeCommand {
  std::optional<SequenceSet> uids;  // UID EXPUNGE, RFC 4315 §2.1
};
struct SearchCommand {
  SearchRequest request;
  bool uid = false;
};
struct FetchCommand {
  SequenceSet set;
  FetchRequest request;
  bool uid = false;
};
struct StoreCommand {
  SequenceSet set;
  storage::StoreFlags::Mode mode = storage::StoreFlags::Mode::kReplace;
  storage::Flags flags;
  bool silent = false;
  std::optional<ModSeq> unchanged_since;
  bool uid = false;
};
struct CopyCommand {  // COPY and MOVE (RFC 6851)
  SequenceSet set;
  std::string mailbox;
  bool uid = false;
  bool move = false;
};

using CommandArguments =
    std::variant<CapabilityCommand, NoopCommand, LogoutCommand, IdCommand, StartTlsCommand,
                 AuthenticateCommand, LoginCommand, EnableCommand, SelectCommand, CreateCommand,
                 DeleteCommand, RenameCommand, SubscribeCommand, NamespaceCommand, StatusCommand,
                 ListCommand, LsubCommand, AppendCommand, IdleCommand, CheckCommand, CloseCommand,
                 UnselectCommand, ExpungeCommand, SearchCommand, FetchCommand, StoreCommand,
                 CopyCommand>;

struct Command {
  std::string tag;
  CommandArguments arguments;
};

// What the client wrote is not a command we can take.
struct SyntaxError {
  std::string tag;       // "*" if it had none
  bool no = false;       // answered with NO instead of BAD: well-formed, but not acceptable
  std::string response;  // what follows the status: "[TOOBIG] literal too large"
};

}  // namespace everpost::node::imap
