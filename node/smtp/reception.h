// One message being received and stored: reads it from the connection into an IncomingMessage, with
// memory that it has been given, and commits it. DATA reads it in one go, BDAT piece by piece.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/asio.h"
#include "node/net/connection.h"
#include "node/runtime/services.h"
#include "node/smtp/incoming_message.h"
#include "node/smtp/minimum_rate.h"
#include "node/smtp/session.h"
#include "node/smtp/staging.h"

namespace everpost::node::smtp {

// What an accepted (or refused) message looks like from outside, for log and metrics.
struct Stored {
  MessageResult result;
  ShardId shard;
  std::string op;  // also the id in its Received field
  std::uint64_t bytes = 0;
  std::size_t queued = 0;                      // accounts in other shards
  std::chrono::steady_clock::duration took{};  // from its last byte to the verdict
  std::string detail;                          // for the administrator, if it was refused
};

class Reception {
 public:
  // `session` has a transaction with recipients, and outlives this; so do the others.
  Reception(Services& services, Connection& connection, const Session& session,
            DataDecoder::Framing framing);

  // Gets memory for a first buffer; false: there was none, and the message is refused. Waits for up
  // to kMemoryTimeout; has_memory() says whether it has to. More is taken as bytes come, not as
  // they are announced: whoever sends little holds little.
  bool has_memory();
  asio::awaitable<bool> begin();

  // Reads DATA up to its end, or `bytes` bytes of BDAT. What is wrong with the message is in
  // refusal(). Errors: kClosed, kTimeout, kTooLarge (far beyond every limit: hang up).
  Task<void> read_data();
  Task<void> read_chunk(std::uint64_t bytes);
  const std::optional<Refusal>& refusal() const { return message_.refusal(); }
  // How long the client may take for the next piece. Errors: kTimeout (it has taken too long, or
  // sends too little for what it holds).
  Result<std::chrono::steady_clock::duration> patience();

  // Commits the message, if it is not refused: when this returns an acceptance, it is on stable
  // storage.
  asio::awaitable<Stored> store();

  // The client went away or changed its mind: frees what was staged. Not after store().
  asio::awaitable<void> abandon();

 private:
  using Clock = std::chrono::steady_clock;

  IncomingMessage::Options options(const Session& session, DataDecoder::Framing framing);
  Task<std::string_view> input();
  asio::awaitable<std::size_t> take(std::string_view input);
  asio::awaitable<void> make_room();
  asio::awaitable<bool> take_memory(std::size_t bytes);
  bool try_memory(std::size_t bytes);
  asio::awaitable<void> stage(SharedBytes chunk);
  Task<std::string> summary();
  asio::awaitable<MessageResult> commit(Stored& stored);

  Services& services_;
  Connection& connection_;
  const Session& session_;
  const ShardId shard_;
  const OpId op_;
  const Clock::time_point began_ = Clock::now();
  MinimumRate rate_{began_};
  IncomingMessage message_;
  Staging::Memory memory_;  // of the message's buffer
  std::optional<Staging> staging_;
};

}  // namespace everpost::node::smtp
