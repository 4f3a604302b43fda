// Messages that wait to be sent to a peer on one channel, at most `bytes_max` bytes of them.
#pragma once

#include <array>
#include <deque>
#include <mutex>
#include <string>

#include "base/ids.h"
#include "rpc/transport.h"

namespace everpost::rpc {

struct Outgoing {
  ShardId shard;
  std::string bytes;
};

class Outbox {
 public:
  // What a message costs beside its bytes: the bound is one on memory.
  static constexpr std::size_t kOverhead = 64;

  enum class Put {
    kRefused,  // no link, or full
    kQueued,
    kWake,  // queued, and nobody knows yet: the transport's thread has to be told
  };
  // From any thread.
  Put put(ShardId shard, std::string bytes, std::size_t bytes_max);

  // The rest on the transport's thread.
  void open();   // there is a link: empty, and put() works
  void close();  // there is none any more: what waits is lost
  // The oldest messages, of about `bytes`; at least one if there is one. After an empty answer the
  // next put() says kWake.
  std::deque<Outgoing> take(std::size_t bytes);

 private:
  std::mutex mutex_;
  std::deque<Outgoing> messages_;
  std::size_t bytes_ = 0;
  bool open_ = false;
  bool asleep_ = false;
};

using Outboxes = std::array<Outbox, kChannels>;

}  // namespace everpost::rpc
