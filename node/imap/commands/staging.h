// The pieces of one message that are being staged in a shard: a few at a time, in order.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "cluster/mail_store.h"
#include "node/runtime/memory_budget.h"

namespace everpost::node::imap {

class Staging {
 public:
  Staging(cluster::MailStore& mail, ShardId shard, asio::any_io_executor executor);

  // Starts to stage the next piece; waits while too many are on their way. Errors: of an earlier
  // piece.
  Task<void> add(SharedBytes piece, MemoryBudget::Share share);
  // Waits until nothing is on its way. Errors: of any piece. Always to be called before the end.
  Task<void> finish();
  void abort();  // after finish(): the shard may forget the pieces

  const Uuid& upload() const { return upload_; }
  std::uint32_t pieces() const { return pieces_; }
  std::vector<storage::Extent> extents() const;  // after finish(), in order

 private:
  struct State {  // outlives this object if a coroutine's end does
    explicit State(asio::any_io_executor executor) : progress(std::move(executor)) {}
    std::vector<storage::Extent> extents;
    std::size_t under_way = 0;
    std::optional<Error> error;
    asio::steady_timer progress;
  };
  Task<void> wait_until(std::size_t most_under_way);

  cluster::MailStore& mail_;
  const ShardId shard_;
  const Uuid upload_ = random_uuid();
  std::uint32_t pieces_ = 0;
  std::shared_ptr<State> state_;
};

}  // namespace everpost::node::imap
