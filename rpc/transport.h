// The connections between the nodes of a cluster: Cap'n Proto RPC on KJ, in a thread of its own,
// over mutual TLS. Knows nodes, shards as numbers, and opaque bytes. Start reading here, then
// rpc/README.md.
//
// A *link* is what a node dials to send to a peer: one connection for each channel, so that a large
// body holds up no heartbeat. Its connections live and die together. Links run one way; a peer is
// *connected* while there is a link each way.
//
// Between connected() and lost() all messages of a channel arrive in the order they were sent, none
// missing and none twice, except those for which send() returned false. What was on its way when a
// link broke may have arrived or not.
//
// Memory: each queue has a bound (Limits). A receiver that is slow to let go of its messages stops
// the sender, whose send() then returns false.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/asio.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace everpost::rpc {

enum class Channel : std::uint8_t {
  kControl,  // heartbeats, acks, votes: small and urgent
  kAppend,   // records on their way to backups
  kCall,     // operations of frontends, and their answers
  kBulk,     // seeding, repair
};
constexpr std::size_t kChannels = 4;

// Versions of this protocol (schema/node.capnp) that this program speaks.
struct Protocol {
  std::uint16_t min = 1;
  std::uint16_t max = 1;
};
// Cluster-wide feature levels that this program can work at; only carried.
struct Features {
  std::uint32_t min = 1;
  std::uint32_t max = 1;
};

// The transport's own; for each peer and channel unless it says otherwise.
struct Limits {
  std::size_t message_bytes_max = 8 << 20;
  std::size_t frame_bytes = 256 << 10;       // messages are gathered up to it, and split above it
  std::size_t send_bytes_max = 16 << 20;     // waiting to be sent
  std::size_t window_bytes = 8 << 20;        // sent, not yet taken by the peer's transport
  std::size_t receive_bytes_max = 16 << 20;  // received and not let go of
  std::size_t calls_max = 4096;              // under way, of all channels; another one for each way
  std::size_t call_bytes_max = 32 << 20;     // of one call's payload, and of one answer's
  std::size_t calls_bytes_max = 64 << 20;    // of the payloads of all calls under way
  std::size_t strangers_max = 256;           // connections that have not said hello yet, of all
};

struct Options {
  Uuid cluster{};
  NodeId node;
  std::uint64_t incarnation = 0;  // random for each start of the process
  std::string listen;             // "10.0.0.3:7420", "[::]:7420"; port 0: any, see port()
  // PEM files: the cluster's CA, this node's certificate and key (rpc/certificates.h).
  std::string ca, certificate, key;
  Protocol protocol;
  Features features;
  Limits limits;
  // From a connection's first packet to the end of its hello.
  Micros hello_timeout = std::chrono::seconds{2};
  // Between attempts to reach a peer: at first and at most. Each is shortened at random, by half at
  // most, so that nodes do not keep in step.
  Micros retry_first = std::chrono::milliseconds{10};
  Micros retry_last = std::chrono::seconds{1};
  // A peer that does not confirm bytes on the control channel for so long is gone, though nobody
  // said so.
  Micros silent_after = std::chrono::seconds{1};
};

// What a peer said of itself.
struct PeerInfo {
  NodeId node;
  std::uint64_t incarnation = 0;
  Features features;
  std::uint16_t protocol = 0;  // the highest both speak
};

struct Received {
  NodeId from;
  Channel channel{};
  ShardId shard;
  std::string bytes;
  // The bytes count against `receive_bytes_max` until this is gone.
  std::shared_ptr<const void> hold;
};

// Told what happens, on the transport's thread: must not block, nor throw.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void received(Received message) = 0;
  virtual void connected(const PeerInfo& peer) = 0;
  // Follows each connected(), within milliseconds when the peer's process has died. One direction
  // may work on for a moment.
  virtual void lost(NodeId peer, const Error& why) = 0;
};

// For the operator.
struct PeerStatus {
  std::string address;
  bool linked = false;     // there is a link to it
  bool connected = false;  // and one from it
  std::uint64_t incarnation = 0;
  // Why there is no link: kPermissionDenied (a certificate, other cluster), kUnsupported (no common
  // protocol), kUnavailable, kTimeout.
  std::optional<Error> error;
};

using Method = std::uint16_t;
// Answers a call. Runs on the executor it was served with.
using Handler = std::function<Task<std::string>(NodeId from, std::string payload)>;

class Transport {
 public:
  // Binds `listen` and starts the thread. `receiver` outlives the transport.
  // Errors: kInvalidArgument (files, address), kUnavailable (port in use).
  static Result<std::unique_ptr<Transport>> start(Options options, Receiver& receiver);
  ~Transport();  // stop()

  // Breaks all links and ends the thread. Calls under way get kClosed; what their handlers still do
  // is lost. No callback is running or comes after it has returned. Not on the transport's thread.
  void stop();

  std::uint16_t port() const { return port_; }

  // The functions below: from any thread.

  // Which nodes there are, without this one. Links to others end, and theirs to us; a new address
  // makes a new link.
  void set_peers(std::map<NodeId, std::string> addresses);

  // Queues a message and returns at once. False: it will not arrive (no link, the queue is full, or
  // it is above message_bytes_max).
  bool send(NodeId peer, Channel channel, ShardId shard, std::string bytes);

  // Calls `peer`'s handler for `method`. Resumes on the caller's executor, which outlives the call.
  // Cancelling the awaitable gives up at once.
  // Errors: the handler's; kUnavailable (no link: the peer did not get it), kClosed (the link
  // broke; it may still happen), kTimeout (the same), kBusy, kTooLarge, kUnsupported (no such
  // method).
  Task<std::string> call(NodeId peer, Method method, std::string payload, Micros timeout,
                         Channel channel = Channel::kCall);

  // Calls of `method` are answered by `handler`, spawned on `executor`, from now on.
  void serve(Method method, asio::any_io_executor executor, Handler handler);

  std::map<NodeId, PeerStatus> peers() const;

 private:
  class Thread;
  Transport();

  std::unique_ptr<Thread> thread_;
  std::uint16_t port_ = 0;
};

}  // namespace everpost::rpc
