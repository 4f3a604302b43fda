// Stores the chunks of a large message while more of it arrives, a few at a time, so that receiving
// and syncing overlap. Used from one executor.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/asio.h"
#include "base/bytes.h"
#include "cluster/mail_store.h"
#include "node/mime/summary.h"
#include "node/runtime/memory_budget.h"

namespace everpost::node::smtp {

class Staging {
 public:
  using Memory = std::vector<MemoryBudget::Share>;

  Staging(cluster::MailStore& mail, ShardId shard, asio::any_io_executor executor);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Begins to store a chunk; `memory` is what it holds until it is stored. Waits while as many as
  // kChunksInFlight are on their way already.
  asio::awaitable<void> add(SharedBytes chunk, Memory memory);
  // Waits until all are stored. Errors: the first that a chunk met with.
  Task<void> settle();
  // Waits until one more chunk is stored, or `at_most`.
  asio::awaitable<void> wait_a_while(std::chrono::steady_clock::duration at_most);
  // The store forgets what it has. After settle().
  void abort();

  const std::optional<Error>& error() const;
  bool in_flight() const;
  std::uint32_t count() const;  // of chunks
  Uuid upload() const { return upload_; }

  // Stored chunks stay in memory, if they are few, for the MIME parser. This gives them up; returns
  // whether that freed anything.
  bool forget_kept();

  // After settle(): the message as bytes at positions, the chunks and `tail` behind them. Blocks:
  // for use within MailStore::with_reader(), whose function is `stored`.
  mime::ReadAt reader(const cluster::MailStore::BlockingRead& stored, std::string_view tail) const;

 private:
  struct Chunk {
    SharedBytes bytes;  // null: given up
    Memory memory;
    storage::Extent extent;
    bool stored = false;
  };
  // Shared with the calls under way, which may outlive a session that is torn down.
  struct State {
    explicit State(const asio::any_io_executor& executor) : wake(executor) {}
    asio::steady_timer wake;
    std::vector<Chunk> chunks;
    std::size_t in_flight = 0;
    std::optional<Error> error;

    void on_stored(std::size_t n, Result<storage::Extent> extent);
    bool give_up_kept();
  };
  asio::awaitable<void> wait_for(std::size_t in_flight_at_most);

  cluster::MailStore& mail_;
  const ShardId shard_;
  const asio::any_io_executor executor_;
  const Uuid upload_;
  std::shared_ptr<State> state_;
};

}  // namespace everpost::node::smtp
