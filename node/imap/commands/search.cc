// SEARCH, RFC 3501 §6.4.4, RFC 4731, RFC 7162 §3.1.5. What matches is decided by search/search.h,
// in stages; here each stage gets what it reads, for some messages at a time.
#include "node/imap/search/search.h"

#include "base/log.h"
#include "node/imap/commands/commands.h"
#include "node/imap/search/search_result.h"

namespace everpost::node::imap {
namespace {

using Stage = Search::Stage;
using Verdict = Search::Verdict;

constexpr std::size_t kBatch = 500;  // whose metadata are held at a time
constexpr std::size_t kGroup = 64;   // looked into in one go, on a thread that may block,
constexpr std::uint64_t kGroupBytes = 4 << 20;  // if their texts are not more than this

struct Entry {
  storage::MessageInfo message;
  std::uint32_t seq = 0;
  bool recent = false;
  Verdict verdict = Verdict::kOpen;
  std::optional<Error> error;  // it could not be read

  Candidate candidate() const { return {message, seq, recent}; }
};

Result<mime::Summary> summary_of(const storage::MessageInfo& message,
                                 const cluster::MailStore::BlockingRead& read,
                                 const mime::ReadAt& read_text) {
  std::string stored(message.summary.bytes, '\0');
  RETURN_IF_ERROR(read({message.summary}, 0, std::as_writable_bytes(std::span(stored))));
  auto summary = mime::decode(as_bytes(stored));
  if (summary) return summary;
  return mime::summarize(message.size, read_text);  // damaged, or of another version
}

// Everything beyond the metadata, as far as it is needed. Blocks.
Result<Verdict> look_into(const Search& search, const Entry& entry,
                          const cluster::MailStore::BlockingRead& read) {
  const storage::MessageInfo& message = entry.message;
  const mime::ReadAt read_text = [&](std::uint64_t offset, std::span<std::byte> to) {
    return read(message.content, offset, to);
  };
  ASSIGN_OR_RETURN(const mime::Summary summary, summary_of(message, read, read_text));
  Verdict verdict = search.by_summary(entry.candidate(), summary);
  if (verdict != Verdict::kOpen) return verdict;

  const cluster::ByteRange range = Search::header_range(message, summary);
  std::string header(range.bytes, '\0');
  RETURN_IF_ERROR(read_text(range.offset, std::as_writable_bytes(std::span(header))));
  verdict = search.by_header(entry.candidate(), summary, header);
  if (verdict != Verdict::kOpen) return verdict;

  ASSIGN_OR_RETURN(const bool matches, search.by_content(entry.candidate(), summary, read_text));
  return matches ? Verdict::kYes : Verdict::kNo;
}

void look_into_all(const Search& search, const std::vector<Entry*>& group,
                   const cluster::MailStore::BlockingRead& read) {
  for (Entry* entry : group) {
    const auto verdict = look_into(search, *entry, read);
    if (verdict)
      entry->verdict = *verdict;
    else
      entry->error = verdict.error();
  }
}

// Messages that can match at all, as far as the sets in the keys tell.
storage::UidSet candidates(const Search& search, const View& view) {
  storage::UidSet uids = view.all();
  if (const SequenceSet* seqs = search.only_seqs()) uids = view.uids_of(*seqs);
  if (const SequenceSet* only = search.only_uids())
    uids = common(uids, only->resolve(view.last().value));
  return uids;
}

class Searching {
 public:
  Searching(Session& session, Search search, bool uid)
      : session_(session), search_(std::move(search)), uid_(uid) {}

  // Errors: of the connection. What the store refuses is in failure().
  Task<void> batch(storage::UidSet uids);
  const std::optional<Error>& failure() const { return failure_; }
  storage::UidSet candidates() const { return imap::candidates(search_, session_.selected->view); }
  const SearchResult& result() const { return result_; }
  bool some_unreadable() const { return some_unreadable_; }

 private:
  Task<std::vector<Entry>> look_up(storage::UidSet uids);
  Task<void> look_into_group(std::vector<Entry*> group);
  Task<void> breathe();

  Session& session_;
  const Search search_;
  const bool uid_;
  SearchResult result_;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point said_ = std::chrono::steady_clock::now();
  bool some_unreadable_ = false;
};

Task<std::vector<Entry>> Searching::look_up(storage::UidSet uids) {
  CO_ASSIGN_OR_RETURN(auto messages,
                      co_await session_.mail().messages(session_.shard(), session_.selected->id,
                                                        std::move(uids), kBatch));
  const Selected& selected = *session_.selected;
  std::vector<Entry> entries;
  for (storage::MessageInfo& message : messages) {
    const auto seq = selected.view.seq_of(message.uid);
    if (!seq) continue;
    Entry entry;
    entry.recent = selected.is_recent(message.uid);
    entry.message = std::move(message);
    entry.seq = *seq;
    entry.verdict = search_.by_metadata(entry.candidate());
    entries.push_back(std::move(entry));
  }
  co_return entries;
}

Task<void> Searching::batch(storage::UidSet uids) {
  CO_CHECK(co_await breathe());
  if (failure_) co_return Result<void>{};
  auto found = co_await look_up(std::move(uids));
  if (!found) {
    failure_ = std::move(found).error();
    co_return Result<void>{};
  }
  std::vector<Entry>& entries = *found;
  std::vector<Entry*> group;
  std::uint64_t bytes = 0;
  for (Entry& entry : entries) {
    if (entry.verdict != Verdict::kOpen) continue;
    group.push_back(&entry);
    if (search_.deepest() == Stage::kContent) bytes += entry.message.size;
    if (group.size() < kGroup && bytes < kGroupBytes) continue;
    CO_CHECK(co_await look_into_group(std::exchange(group, {})));
    if (failure_) co_return Result<void>{};
    bytes = 0;
  }
  if (!group.empty()) CO_CHECK(co_await look_into_group(std::move(group)));
  if (failure_) co_return Result<void>{};
  for (const Entry& entry : entries)
    if (entry.verdict == Verdict::kYes)
      result_.add(uid_ ? entry.message.uid.value : entry.seq, entry.message.modseq);
  co_return Result<void>{};
}

// Errors: of the connection.
Task<void> Searching::look_into_group(std::vector<Entry*> group) {
  CO_CHECK(co_await breathe());
  if (failure_) co_return Result<void>{};
  const auto looked = co_await session_.mail().with_reader(
      session_.shard(), [&](const cluster::MailStore::BlockingRead& read) -> Result<void> {
        look_into_all(search_, group, read);
        return {};
      });
  if (!looked) {
    failure_ = looked.error();
    co_return Result<void>{};
  }
  for (const Entry* entry : group) {
    if (!entry->error) continue;
    some_unreadable_ = true;
    log::error("imap message unreadable", {{"login", session_.login->address},
                                           {"shard", session_.shard()},
                                           {"mailbox", session_.selected->id},
                                           {"uid", entry->message.uid},
                                           {"error", to_string(*entry->error)}});
  }
  co_return Result<void>{};
}

// A search may take long: it must not outlast the server's stop, and the client shall know that we
// are at it.
Task<void> Searching::breathe() {
  if (session_.stopping) {
    failure_ = Error{ErrorCode::kUnavailable, "the server is stopping"};
    co_return Result<void>{};
  }
  if (std::chrono::steady_clock::now() - said_ < session_.timing.search) co_return Result<void>{};
  said_ = std::chrono::steady_clock::now();
  session_.out << "* OK Still searching\r\n";
  co_return co_await session_.out.flush();
}

}  // namespace

Task<Reply> run_search(Session& session, SearchCommand command) {
  const View& view = session.selected->view;
  if (command.request.wants_modseq()) session.enable_condstore();
  Searching searching(session, Search(command.request.key, view.size(), view.last()), command.uid);
  for (Batches batches(searching.candidates()); !batches.done();) {
    CO_CHECK(co_await searching.batch(batches.next(kBatch)));
    if (searching.failure()) co_return session.failed("SEARCH", *searching.failure());
  }
  session.out << searching.result().response(command.request, session.tag, command.uid);
  co_return ok(searching.some_unreadable() ? "SEARCH completed, but some messages could not be read"
                                           : "SEARCH completed");
}

}  // namespace everpost::node::imap
