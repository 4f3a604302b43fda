#include "rpc/wire.h"

#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace everpost::rpc {
namespace {

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = kMessageBytesMax / sizeof(capnp::word);
  options.nestingLimit = kNestingMax;
  return options;
}

void set(kj::AsyncIoStream& stream, int level, int option, int value) {
  stream.setsockopt(level, option, &value, sizeof value);
}

std::string read_pem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  KJ_REQUIRE(!file.fail() && !content.empty(), "cannot be read", path.c_str());
  return content;
}

}  // namespace

void set_socket_options(kj::AsyncIoStream& stream, Micros silent_after) {
  set(stream, IPPROTO_TCP, TCP_NODELAY, 1);
  set(stream, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(stream, IPPROTO_TCP, TCP_KEEPIDLE, 1);
  set(stream, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(stream, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(stream, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silent_after.count() / 1000));
}

kj::TlsContext make_tls(const Options& options) {
  const std::string ca = read_pem(options.ca), certificate = read_pem(options.certificate),
                    key = read_pem(options.key);
  const kj::TlsCertificate authority(kj::StringPtr(ca.c_str(), ca.size()));
  const kj::TlsKeypair own{
      kj::TlsPrivateKey(kj::StringPtr(key.c_str(), key.size())),
      kj::TlsCertificate(kj::StringPtr(certificate.c_str(), certificate.size()))};
  kj::TlsContext::Options tls;
  tls.useSystemTrustStore = false;
  tls.verifyClients = true;
  tls.trustedCertificates = kj::arrayPtr(&authority, 1);
  tls.defaultKeypair = own;
  tls.minVersion = kj::TlsVersion::TLS_1_2;
  return kj::TlsContext(tls);
}

Wire::Wire(kj::Own<kj::AsyncIoStream> stream, std::size_t window_bytes)
    : stream_(kj::mv(stream)), messages_(*stream_), window_bytes_(window_bytes) {}

kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> Wire::tryReadMessage(
    kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options,
    kj::ArrayPtr<capnp::word> scratch) {
  return messages_.tryReadMessage(fds, options, scratch)
      .then(
          [this](kj::Maybe<capnp::MessageReaderAndFds>&& message) {
            if (message == nullptr) end_.fulfiller->fulfill(kj::str("closed by the peer"));
            return kj::mv(message);
          },
          [this](kj::Exception&& why) -> kj::Maybe<capnp::MessageReaderAndFds> {
            end_.fulfiller->fulfill(kj::str(why.getDescription()));
            kj::throwFatalException(kj::mv(why));
          });
}

kj::Promise<void> Wire::writeMessage(kj::ArrayPtr<const int> fds,
                                     kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  return messages_.writeMessage(fds, segments);
}

kj::Promise<void> Wire::writeMessages(
    kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) {
  return messages_.writeMessages(messages);
}

// Cap'n Proto takes it as the number of bytes of a stream that may be on their way. The socket's
// own buffer is grown by the kernel, so its size at the start says little.
kj::Maybe<int> Wire::getSendBufferSize() { return static_cast<int>(window_bytes_); }

kj::Promise<void> Wire::end() { return messages_.end(); }

Connection::Connection(kj::Own<kj::AsyncIoStream> stream, std::size_t window_bytes)
    : wire_(kj::mv(stream), window_bytes),
      network_(wire_, capnp::rpc::twoparty::Side::CLIENT, reader_options()),
      system_(capnp::makeRpcClient(network_)) {}

Connection::Connection(kj::Own<kj::AsyncIoStream> stream, std::size_t window_bytes,
                       capnp::Capability::Client bootstrap)
    : wire_(kj::mv(stream), window_bytes),
      network_(wire_, capnp::rpc::twoparty::Side::SERVER, reader_options()),
      system_(capnp::makeRpcServer(network_, kj::mv(bootstrap))) {
  // Parameters of calls that have not returned: above it nothing more is read.
  system_.setFlowLimit(kMessageBytesMax / sizeof(capnp::word));
}

capnp::Capability::Client Connection::bootstrap() {
  capnp::word scratch[4]{};
  capnp::MallocMessageBuilder message(scratch);
  auto id = message.getRoot<capnp::rpc::twoparty::VatId>();
  id.setSide(capnp::rpc::twoparty::Side::SERVER);
  return system_.bootstrap(id);
}

}  // namespace everpost::rpc
