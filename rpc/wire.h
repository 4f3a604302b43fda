// A connection as KJ and Cap'n Proto see it: TCP, TLS, messages, RPC.
#pragma once

#include "base/capnp.h"
// capnp.h comes first: see there.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/compat/tls.h>

#include "rpc/transport.h"

namespace everpost::rpc {

// One message of Cap'n Proto's RPC, whatever a peer says, and how deep its structs may nest. Ours
// are bounded by Limits::call_bytes_max and frame_bytes.
constexpr std::size_t kMessageBytesMax = 64 << 20;
constexpr int kNestingMax = 16;

// Small packets at once, and an end to connections whose peer is silent.
void set_socket_options(kj::AsyncIoStream& stream, Micros silent_after);

// The context for both ends of a connection. Throws kj::Exception.
kj::TlsContext make_tls(const Options& options);

// A stream of messages that tells a window of its own, and its end before anybody else notices.
class Wire final : public capnp::MessageStream {
 public:
  Wire(kj::Own<kj::AsyncIoStream> stream, std::size_t window_bytes);

  // Resolves to the reason when the connection can no longer be read. Once.
  kj::Promise<kj::String> on_end() { return kj::mv(end_.promise); }
  kj::AsyncIoStream& stream() { return *stream_; }

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> tryReadMessage(
      kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options,
      kj::ArrayPtr<capnp::word> scratch) override;
  kj::Promise<void> writeMessage(
      kj::ArrayPtr<const int> fds,
      kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override;
  kj::Promise<void> writeMessages(
      kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override;
  kj::Maybe<int> getSendBufferSize() override;
  kj::Promise<void> end() override;

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::AsyncIoMessageStream messages_;
  const std::size_t window_bytes_;
  kj::PromiseFulfillerPair<kj::String> end_ = kj::newPromiseAndFulfiller<kj::String>();
};

// The RPC system on a wire.
class Connection {
 public:
  // The side that dialled; the other one offers `bootstrap`.
  Connection(kj::Own<kj::AsyncIoStream> stream, std::size_t window_bytes);
  Connection(kj::Own<kj::AsyncIoStream> stream, std::size_t window_bytes,
             capnp::Capability::Client bootstrap);

  capnp::Capability::Client bootstrap();  // the other side's
  Wire& wire() { return wire_; }

 private:
  Wire wire_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> system_;
};

}  // namespace everpost::rpc
