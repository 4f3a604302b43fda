#include "node/imap/commands/upload.h"

#include "base/crc32c.h"
#include "node/imap/commands/sha256.h"
#include "node/imap/commands/staging.h"
#include "node/mime/summary.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kPiece = cluster::MailStore::kChunkBytes;
constexpr std::chrono::milliseconds kMemoryPoll{50};
constexpr std::uint64_t kSkipMax = 256 << 20;  // of a message that was refused

// What follows a message is the end of the command. A client that goes on as if it were not
// (MULTIAPPEND, RFC 3502, is not on offer) would have its next message read as commands.
Task<void> read_end(Session& session) {
  const auto rest = co_await session.connection.read_line(1024, session.timing.command);
  if (!rest && rest.error().code != ErrorCode::kTooLarge) co_return rest.error();
  if (rest && rest->empty()) co_return Result<void>{};
  session.leaving = "something followed a message";
  session.out << "* BYE Only the end of the line may follow a message\r\n";
  co_return Result<void>{};
}

// Reads and drops the rest of a message.
Task<void> drain(Session& session, std::uint64_t bytes) {
  while (bytes > 0) {
    CO_ASSIGN_OR_RETURN(const std::string_view input,
                        co_await session.connection.peek(session.timing.command));
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, input.size()));
    session.connection.consume(count);
    session.counters.bytes_in += count;
    bytes -= count;
  }
  co_return Result<void>{};
}

// A message while it arrives.
struct Arriving {
  const std::uint64_t bytes;
  Sha256 hash;
  std::string whole;           // of a message of one piece; others are staged
  MemoryBudget::Share share;   // for the next piece, or for `whole`
  std::optional<Error> error;  // why it will not be kept: the rest is dropped
};

// Errors: of the connection.
Task<void> read_pieces(Session& session, Arriving& message, Staging& staging) {
  std::uint64_t to_go = message.bytes;
  while (to_go > 0 && !message.error) {
    if (!message.share) {
      auto share = co_await reserve_memory(session, to_go);
      if (!share) {
        message.error = std::move(share).error();
        break;
      }
      message.share = *std::move(share);
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, to_go));
    std::string piece;
    piece.reserve(count);
    CO_CHECK(co_await session.connection.read_exactly(count, piece, session.timing.command));
    session.counters.bytes_in += count;
    to_go -= count;
    message.hash.add(piece);
    if (message.bytes <= kPiece) {
      message.whole = std::move(piece);
      break;
    }
    const auto staged = co_await staging.add(share(std::move(piece)), std::move(message.share));
    if (!staged) message.error = staged.error();
  }
  CO_CHECK(co_await drain(session, to_go));
  CO_CHECK(co_await read_end(session));
  co_return Result<void>{};
}

Task<mime::Summary> summarize_staged(Session& session, std::uint64_t bytes,
                                     std::vector<storage::Extent> extents) {
  mime::Summary summary;
  const auto work = [&](const cluster::MailStore::BlockingRead& read) -> Result<void> {
    const auto read_at = [&](std::uint64_t offset, std::span<std::byte> to) {
      return read(extents, offset, to);
    };
    ASSIGN_OR_RETURN(summary, mime::summarize(bytes, read_at));
    return {};
  };
  CO_CHECK(co_await session.mail().with_reader(session.shard(), work));
  co_return summary;
}

// Everything is there: what the record will say of it.
Task<Uploaded> complete(Session& session, Arriving& message, Staging& staging) {
  Uploaded uploaded;
  storage::NewContent& content = uploaded.content;
  content.size = message.bytes;
  content.guid = message.hash.guid();

  mime::Summary summary;
  if (staging.pieces() > 0) {
    CO_ASSIGN_OR_RETURN(summary,
                        co_await summarize_staged(session, message.bytes, staging.extents()));
  } else {
    summary = mime::summarize(message.whole);
  }
  std::string encoded = mime::encode(summary);
  content.summary_bytes = static_cast<std::uint32_t>(encoded.size());
  content.summary_crc = crc32c(as_bytes(encoded));

  // One record holds both, unless they are too much for it together.
  if (staging.pieces() == 0 && message.whole.size() + encoded.size() > kPiece) {
    CO_CHECK(co_await staging.add(share(std::move(message.whole)), std::move(message.share)));
    CO_CHECK(co_await staging.finish());
  } else if (staging.pieces() == 0) {
    content.own_bytes = static_cast<std::uint32_t>(message.whole.size());
    content.own_crc = crc32c(as_bytes(message.whole));
    uploaded.body.push_back(share(std::move(message.whole)));
    uploaded.share = std::move(message.share);
  }
  if (staging.pieces() > 0) {
    content.upload = staging.upload();
    content.chunks = staging.pieces();
  }
  uploaded.body.push_back(share(std::move(encoded)));
  co_return uploaded;
}

}  // namespace

Task<MemoryBudget::Share> reserve_memory(Session& session, std::uint64_t bytes) {
  const std::uint64_t wanted = std::min<std::uint64_t>(bytes, kPiece);
  const auto until = std::chrono::steady_clock::now() + session.timing.memory;
  asio::steady_timer pause(session.connection.executor());
  while (true) {
    if (MemoryBudget::Share share = session.services.message_memory.take(wanted)) co_return share;
    if (std::chrono::steady_clock::now() >= until)
      co_return Error{ErrorCode::kBusy, "too many messages are being received"};
    pause.expires_after(kMemoryPoll);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

Task<Received> receive_message(Session& session, std::uint64_t bytes, MemoryBudget::Share first) {
  Arriving message{bytes, {}, {}, std::move(first), {}};
  Staging staging(session.mail(), session.shard(), session.connection.executor());
  const auto read = co_await read_pieces(session, message, staging);
  const auto staged = co_await staging.finish();
  if (!read) {
    staging.abort();
    co_return read.error();
  }
  if (!staged && !message.error) message.error = staged.error();
  if (!session.leaving.empty())
    message.error = Error{ErrorCode::kInvalidArgument, "something follows the message"};
  if (!message.error) {
    Received received{co_await complete(session, message, staging)};
    if (received.message) co_return received;
    message.error = received.message.error();
    static_cast<void>(co_await staging.finish());
  }
  staging.abort();
  co_return Received{*std::move(message.error)};
}

Task<void> skip_message(Session& session, AppendCommand command) {
  if (command.synchronizing) co_return Result<void>{};  // it will not be sent
  if (command.bytes > kSkipMax || !session.login) {
    session.leaving = "an unwanted message is on its way";
    session.out << "* BYE [TOOBIG] The message is too large\r\n";
    co_return Result<void>{};
  }
  CO_CHECK(co_await drain(session, command.bytes));
  co_return co_await read_end(session);
}

}  // namespace everpost::node::imap
