// What nodes ask of each other on behalf of their frontends: the calls of MailStore and
// DirectoryStore as bytes, however those travel. A node that has a client but not the shard's
// primary sends a *request* to the node that has it, which sends back an *answer*
// (remote_mail_store.h and serve_mail.h are the two sides).
//
//   byte 0     version: 1
//   byte 1     1 a request, 2 an answer
//   byte 2-3   0
//   byte 4-7   words of the message, little-endian
//   then       the message, Cap'n Proto (mail_wire.capnp), words of 8 bytes
//   then       attached bytes, up to the end: message bodies
//
// Whoever sends these bytes may be broken or of another version: all that is decoded is checked,
// and what it takes in memory is bounded by the limits below, however few bytes claim more. Errors
// of decoding: kCorrupt (malformed), kLimit (too much), kUnsupported (of a newer program).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "cluster/mail_store.h"
#include "storage/machine/directory_command.h"
#include "storage/machine/mail_command.h"
#include "storage/machine/mail_reader.h"

namespace everpost::cluster {

struct WireLimits {
  // Of a whole request or answer: well below what a transport carries (rpc::Limits).
  static constexpr std::size_t request_bytes = 16 << 20;
  static constexpr std::size_t answer_bytes = 24 << 20;
  // A list is cut into pages: one is sent off once it holds so many bytes or so many entries.
  static constexpr std::size_t page_bytes = 1 << 20;
  static constexpr std::size_t page_entries = 1000;
  // Mailboxes and names come in larger pages: a page more is a chance more that they change
  // meanwhile.
  static constexpr std::size_t names_page_bytes = 4 << 20;
  static constexpr std::size_t names_page_entries = 10'000;
  // All texts of one read; a caller that wants more asks several times.
  static constexpr std::size_t read_bytes = 4 << 20;
  static constexpr std::size_t ranges = 10'000;             // of one read
  static constexpr std::size_t extents = 20'000;            // of one read, or one message
  static constexpr std::size_t watch_keys = 100'000;        // of one request or answer
  static constexpr std::size_t error_context_bytes = 1024;  // longer ones are cut
};

// What can be watched: a mailbox, or an account's list of mailboxes.
struct WatchKey {
  enum class Kind : std::uint8_t { kMailbox = 0, kAccount = 1 };
  Kind kind = Kind::kMailbox;
  std::uint64_t id = 0;
  friend auto operator<=>(const WatchKey&, const WatchKey&) = default;
};

// ---- requests: the arguments of the function of the same name

struct SubmitRequest {
  storage::MailTxn txn;
  std::vector<SharedBytes> body;
};
struct StageRequest {
  Uuid upload{};
  std::uint32_t n = 0;
  SharedBytes bytes;
};
struct AbortUploadRequest {
  Uuid upload{};
};
struct AccountRequest {
  AccountId account;
};
struct MailboxesRequest {
  AccountId account;
  std::string after;  // only those with names behind it, in the order of bytes
};
struct SubscriptionsRequest {
  AccountId account;
  std::string after;
};
struct FindMailboxRequest {
  AccountId account;
  std::string name;
};
struct OpenMailboxRequest {
  MailboxId mailbox;
};
struct MessagesRequest {
  MailboxId mailbox;
  storage::UidSet uids;
  std::uint32_t limit = 0;
};
struct ChangesRequest {
  MailboxId mailbox;
  ModSeq since;
};
struct ReadRequest {
  std::vector<ByteRange> ranges;
};
struct QueueRequest {
  std::uint64_t from = 0;
  std::uint32_t limit = 0;
};
// See watch_server.h.
struct WatchRequest {
  std::uint64_t session = 0;
  std::uint64_t seq = 0;
  std::uint64_t heard = 0;
  std::vector<WatchKey> add, remove;
  std::uint32_t wait_ms = 0;
};
struct SubmitDirectoryRequest {
  storage::DirectoryTxn txn;
};

using RequestBody =
    std::variant<SubmitRequest, StageRequest, AbortUploadRequest, AccountRequest, MailboxesRequest,
                 SubscriptionsRequest, FindMailboxRequest, OpenMailboxRequest, MessagesRequest,
                 ChangesRequest, ReadRequest, QueueRequest, WatchRequest, SubmitDirectoryRequest>;
struct Request {
  ShardId shard;
  RequestBody what;
};

// ---- answers. `more`: there is another page behind the last entry of this one.

struct Nothing {};
struct MailboxesPage {
  std::vector<storage::MailboxInfo> mailboxes;
  bool more = false;
  std::uint32_t view = 0;  // changes when a mailbox of the account comes, goes or is renamed
};
struct NamesPage {
  std::vector<std::string> names;
  bool more = false;
};
struct MessagesPage {
  std::vector<storage::MessageInfo> messages;
  bool more = false;
};
struct QueuePage {
  std::vector<storage::QueueEntry> entries;
  bool more = false;
};
struct Texts {
  std::vector<std::string> texts;  // one for each range
};
struct Fired {
  std::vector<WatchKey> keys;
};

using Answer = std::variant<Nothing, storage::MailOutcome, storage::Extent, storage::AccountInfo,
                            storage::MailboxInfo, MailboxesPage, NamesPage, MailStore::OpenMailbox,
                            MessagesPage, storage::MailboxChanges, Texts, QueuePage, Fired,
                            storage::DirectoryOutcome>;

// ---- bytes

std::string encode(const Request& request);
Result<Request> decode_request(std::string_view bytes);

// An error travels as its code and its context; a code that the other side does not know becomes
// kInternal there. An answer above WireLimits::answer_bytes goes as kTooLarge.
std::string encode_answer(const Result<Answer>& answer);
Result<Answer> decode_answer(std::string_view bytes);

// About what an entry of a page takes, to cut pages by.
std::size_t wire_bytes(const storage::MailboxInfo& mailbox);
std::size_t wire_bytes(const storage::MessageInfo& message);
std::size_t wire_bytes(const storage::QueueEntry& entry);
inline std::size_t wire_bytes(const std::string& name) { return name.size() + 16; }

}  // namespace everpost::cluster
