#include "cluster/router/serve_mail.h"

#include <algorithm>

#include "base/crc32c.h"

namespace everpost::cluster {
namespace {

using Limits = WireLimits;

// Leaves what fits on a page, at least one entry; whether something was cut off.
template <class T>
bool cut(std::vector<T>& list, std::size_t entries_max, std::size_t bytes_max) {
  std::size_t bytes = 0, n = 0;
  while (n < list.size() && n < entries_max) {
    bytes += wire_bytes(list[n]);
    if (bytes > bytes_max && n > 0) break;
    ++n;
  }
  if (n == list.size()) return false;
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(n), list.end());
  return true;
}

// Differs once a mailbox came, went or has another name.
std::uint32_t view_of(const std::vector<storage::MailboxInfo>& mailboxes) {
  std::string all;
  for (const storage::MailboxInfo& mailbox : mailboxes) {
    append_le(all, mailbox.id.value);
    all += mailbox.name;
    all += '\0';
  }
  return crc32c(as_bytes(all));
}

Task<Answer> serve(MailStore& mail, ShardId shard, SubmitRequest request) {
  CO_ASSIGN_OR_RETURN(auto outcome,
                      co_await mail.submit(shard, std::move(request.txn), std::move(request.body)));
  co_return Answer(std::move(outcome));
}

Task<Answer> serve(MailStore& mail, ShardId shard, StageRequest request) {
  CO_ASSIGN_OR_RETURN(const auto extent, co_await mail.stage(shard, request.upload, request.n,
                                                             std::move(request.bytes)));
  co_return Answer(extent);
}

Task<Answer> serve(MailStore& mail, ShardId shard, AbortUploadRequest request) {
  mail.abort_upload(shard, request.upload);
  co_return Answer(Nothing{});
}

Task<Answer> serve(MailStore& mail, ShardId shard, AccountRequest request) {
  CO_ASSIGN_OR_RETURN(const auto account, co_await mail.account(shard, request.account));
  co_return Answer(account);
}

Task<Answer> serve(MailStore& mail, ShardId shard, MailboxesRequest request) {
  MailboxesPage page;
  CO_ASSIGN_OR_RETURN(page.mailboxes, co_await mail.mailboxes(shard, request.account));
  std::ranges::sort(page.mailboxes, {}, &storage::MailboxInfo::name);
  page.view = view_of(page.mailboxes) | 1;  // never 0, which is what a list without pages has
  std::erase_if(page.mailboxes, [&](const auto& one) { return one.name <= request.after; });
  page.more = cut(page.mailboxes, Limits::names_page_entries, Limits::names_page_bytes);
  co_return Answer(std::move(page));
}

Task<Answer> serve(MailStore& mail, ShardId shard, SubscriptionsRequest request) {
  NamesPage page;
  CO_ASSIGN_OR_RETURN(page.names, co_await mail.subscriptions(shard, request.account));
  std::ranges::sort(page.names);
  std::erase_if(page.names, [&](const std::string& name) { return name <= request.after; });
  page.more = cut(page.names, Limits::names_page_entries, Limits::names_page_bytes);
  co_return Answer(std::move(page));
}

Task<Answer> serve(MailStore& mail, ShardId shard, FindMailboxRequest request) {
  CO_ASSIGN_OR_RETURN(auto mailbox,
                      co_await mail.find_mailbox(shard, request.account, std::move(request.name)));
  co_return Answer(std::move(mailbox));
}

Task<Answer> serve(MailStore& mail, ShardId shard, OpenMailboxRequest request) {
  CO_ASSIGN_OR_RETURN(auto open, co_await mail.open_mailbox(shard, request.mailbox));
  co_return Answer(std::move(open));
}

Task<Answer> serve(MailStore& mail, ShardId shard, MessagesRequest request) {
  const std::size_t limit = std::min<std::size_t>(request.limit, Limits::page_entries);
  MessagesPage page;
  CO_ASSIGN_OR_RETURN(page.messages, co_await mail.messages(shard, request.mailbox,
                                                            std::move(request.uids), limit));
  const bool full = page.messages.size() == limit && limit < request.limit;
  page.more = cut(page.messages, limit, Limits::page_bytes) || full;
  co_return Answer(std::move(page));
}

Task<Answer> serve(MailStore& mail, ShardId shard, ChangesRequest request) {
  CO_ASSIGN_OR_RETURN(auto changes, co_await mail.changes(shard, request.mailbox, request.since));
  std::vector<Uid> uids;
  for (const storage::MessageInfo& one : changes.changed) uids.push_back(one.uid);
  cut(changes.changed, Limits::page_entries, Limits::page_bytes);
  // Those that do not fit are named only, as are those beyond kChangedMax anyway.
  for (std::size_t i = changes.changed.size(); i < uids.size(); ++i) changes.more.add(uids[i]);
  co_return Answer(std::move(changes));
}

// Errors: kTooLarge, kInvalidArgument.
Result<void> check(const std::vector<ByteRange>& ranges) {
  std::uint64_t left = Limits::read_bytes;
  for (const ByteRange& range : ranges) {
    std::uint64_t size = 0;
    for (const storage::Extent& extent : range.extents) {
      // It is read as a whole, whatever is wanted of it.
      if (extent.bytes > storage::kRecordBodyBytesMax)
        return Error{ErrorCode::kInvalidArgument, "an extent larger than any record"};
      size += extent.bytes;
    }
    const std::uint64_t bytes = std::min(range.bytes, size - std::min(range.offset, size));
    if (bytes > left)
      return Error{ErrorCode::kTooLarge, "more than " + std::to_string(Limits::read_bytes) +
                                             " bytes in one read from another node"};
    left -= bytes;
  }
  return {};
}

Task<Answer> serve(MailStore& mail, ShardId shard, ReadRequest request) {
  CO_CHECK(check(request.ranges));
  Texts texts;
  CO_ASSIGN_OR_RETURN(texts.texts, co_await mail.read(shard, std::move(request.ranges)));
  co_return Answer(std::move(texts));
}

Task<Answer> serve(MailStore& mail, ShardId shard, QueueRequest request) {
  const std::size_t limit = std::min<std::size_t>(request.limit, Limits::page_entries);
  QueuePage page;
  CO_ASSIGN_OR_RETURN(page.entries, co_await mail.queue(shard, request.from, limit));
  const bool full = page.entries.size() == limit && limit < request.limit;
  page.more = cut(page.entries, limit, Limits::page_bytes) || full;
  co_return Answer(std::move(page));
}

Task<Answer> serve(MailStore&, ShardId, WatchRequest) {
  co_return Error{ErrorCode::kUnsupported, "this node does not serve watches"};
}

Task<Answer> serve(MailStore&, ShardId, SubmitDirectoryRequest) {
  co_return Error{ErrorCode::kUnsupported, "a change of the directory, sent to a mail shard"};
}

}  // namespace

Task<Answer> answer_mail(MailStore& mail, Request request) {
  co_return co_await std::visit(
      [&](auto& what) { return serve(mail, request.shard, std::move(what)); }, request.what);
}

Task<Answer> answer_directory(DirectoryStore& directory, SubmitDirectoryRequest request) {
  CO_ASSIGN_OR_RETURN(auto outcome, co_await directory.submit(std::move(request.txn)));
  co_return Answer(std::move(outcome));
}

Task<std::string> serve_mail(MailStore& mail, std::string request) {
  Result<Request> decoded = decode_request(request);
  std::string().swap(request);  // bodies were copied: not both while the disk works
  if (!decoded) co_return encode_answer(decoded.error());
  co_return encode_answer(co_await answer_mail(mail, *std::move(decoded)));
}

}  // namespace everpost::cluster
