#include "node/imap/commands/load_summaries.h"

namespace everpost::node::imap {
namespace {

Task<mime::Summary> summarize_anew(Session& session, storage::MessageInfo message) {
  mime::Summary summary;
  const auto work = [&](const cluster::MailStore::BlockingRead& read) -> Result<void> {
    const auto read_at = [&](std::uint64_t offset, std::span<std::byte> to) {
      return read(message.content, offset, to);
    };
    ASSIGN_OR_RETURN(summary, mime::summarize(message.size, read_at));
    return {};
  };
  CO_CHECK(co_await session.mail().with_reader(session.shard(), work));
  co_return summary;
}

}  // namespace

Task<std::vector<mime::Summary>> load_summaries(Session& session,
                                                std::vector<storage::MessageInfo> messages) {
  std::vector<cluster::ByteRange> ranges;
  for (const storage::MessageInfo& message : messages)
    if (message.summary.bytes > 0) ranges.push_back({{message.summary}});
  CO_ASSIGN_OR_RETURN(const std::vector<std::string> stored,
                      co_await session.mail().read(session.shard(), std::move(ranges)));
  std::vector<mime::Summary> summaries;
  std::size_t next = 0;
  for (const storage::MessageInfo& message : messages) {
    if (message.summary.bytes > 0 && next < stored.size()) {
      if (auto summary = mime::decode(as_bytes(stored[next++]))) {
        summaries.push_back(*std::move(summary));
        continue;
      }
    }
    CO_ASSIGN_OR_RETURN(mime::Summary made, co_await summarize_anew(session, message));
    summaries.push_back(std::move(made));
  }
  co_return summaries;
}

}  // namespace everpost::node::imap
