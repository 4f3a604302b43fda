#include "node/local/forwarder.h"

#include <csignal>
#include <list>
#include <memory>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

#include "base/asio.h"
#include "base/log.h"
#include "node/local/cuts.h"

namespace everpost::local {
namespace {

using asio::ip::tcp;
using Local = asio::local::stream_protocol;
using std::chrono::seconds;

constexpr auto kGetting = asio::as_tuple(asio::use_awaitable);
// Passed on at a time; also the most that is held of a connection, each way.
constexpr std::size_t kBytesMax = 512 << 10;
constexpr std::size_t kConnectionsMax = 2048;
constexpr std::size_t kCommandBytesMax = 4096;
constexpr seconds kConnectMax{5}, kCommandMax{5};
constexpr auto kBackOff = std::chrono::milliseconds{100};

struct Route {
  std::uint16_t port;  // on the loopback
  End source;          // kZooKeeperEnd: told by the address
  End target;
  tcp::endpoint to;
};

// Which node has this address.
std::optional<End> node_at(const asio::ip::address& address) {
  if (!address.is_v4()) return std::nullopt;
  const auto bytes = address.to_v4().to_bytes();
  if (bytes[0] != 127 || bytes[1] != 0 || bytes[2] != 1 || bytes[3] == 0) return std::nullopt;
  return bytes[3];
}

void close_both(tcp::socket& one, tcp::socket& other) {
  error_code ignored;
  one.close(ignored);
  other.close(ignored);
}

// One thread runs all of it.
class Network {
 public:
  explicit Network(const Installation& installation)
      : socket_(installation.network_socket()), commands_(context_), scratch_(kBytesMax, char{}) {
    for (const LocalNode& node : installation.nodes) {
      const auto own = asio::ip::make_address(installation.cluster_address(node.id));
      routes_.push_back({installation.network_port(node.id),
                         kZooKeeperEnd,
                         node.id,
                         {own, installation.cluster_port(node.id)}});
      for (const LocalZooKeeper& server : installation.zookeepers)
        routes_.push_back(
            {installation.network_port(node.id, server.id),
             node.id,
             kZooKeeperEnd,
             {asio::ip::address_v4::loopback(), installation.server(server.id).client_port}});
    }
  }

  Result<void> run() {
    for (const Route& route : routes_) {
      tcp::acceptor& acceptor = acceptors_.emplace_back(context_);
      error_code error;
      acceptor.open(tcp::v4(), error);
      acceptor.set_option(tcp::acceptor::reuse_address(true), error);
      acceptor.bind({asio::ip::address_v4::loopback(), route.port}, error);
      if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
      if (error)
        return Error{ErrorCode::kAlreadyExists,
                     "port " + std::to_string(route.port) + ": " + error.message()};
      asio::co_spawn(context_, accept(acceptor, route), asio::detached);
    }
    error_code error;
    ::unlink(socket_.c_str());
    commands_.open(Local(), error);
    commands_.bind(Local::endpoint(socket_), error);
    if (!error && ::chmod(socket_.c_str(), 0600) != 0)
      error = {errno, asio::error::system_category};
    if (!error) commands_.listen(16, error);
    if (error) return Error{ErrorCode::kIo, socket_ + ": " + error.message()};
    asio::co_spawn(context_, take_commands(), asio::detached);
    asio::signal_set signals(context_, SIGTERM, SIGINT);
    signals.async_wait([this](error_code, int) { context_.stop(); });
    context_.run();
    ::unlink(socket_.c_str());
    return {};
  }

 private:
  struct Connection {
    Connection(Network& of, tcp::socket from, const Route& route, End who)
        : network(of), dialler(std::move(from)), target(of.context_), source(who), at(route) {
      ++network.connections_;
    }
    ~Connection() { --network.connections_; }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Network& network;
    tcp::socket dialler, target;
    const End source;
    const Route& at;
  };
  using Shared = std::shared_ptr<Connection>;

  asio::awaitable<void> accept(tcp::acceptor& acceptor, const Route& route) {
    while (true) {
      auto [error, socket] = co_await acceptor.async_accept(kGetting);
      if (error) {
        log::warning("accepting", {{"port", route.port}, {"error", error.message()}});
        asio::steady_timer pause(context_, kBackOff);
        co_await pause.async_wait(kGetting);
        continue;
      }
      const auto peer = socket.remote_endpoint(error);
      const auto source = route.source != kZooKeeperEnd ? route.source : node_at(peer.address());
      if (error || !source || connections_ >= kConnectionsMax) continue;  // closes it
      asio::co_spawn(context_,
                     serve(std::make_shared<Connection>(*this, std::move(socket), route, *source)),
                     asio::detached);
    }
  }

  asio::awaitable<void> serve(Shared connection) {
    error_code error;
    connection->dialler.non_blocking(true, error);
    if (cuts_.blocks_either(connection->source, connection->at.target)) {
      held_.insert(connection);
      co_await swallow(*connection);
      held_.erase(connection);
      co_return;
    }
    asio::steady_timer patience(context_, kConnectMax);
    patience.async_wait([weak = std::weak_ptr(connection)](error_code cancelled) {
      const Shared late = weak.lock();
      error_code ignored;
      if (!cancelled && late) late->target.close(ignored);
    });
    std::tie(error) = co_await connection->target.async_connect(connection->at.to, kGetting);
    patience.cancel();
    if (error) co_return;  // nobody is there: closes it
    for (tcp::socket* socket : {&connection->dialler, &connection->target}) {
      socket->non_blocking(true, error);
      socket->set_option(tcp::no_delay(true), error);
    }
    asio::co_spawn(context_, pass(connection, true), asio::detached);
    co_await pass(connection, false);
  }

  // A connection that leads nowhere, until its maker gives up or it is healed.
  asio::awaitable<void> swallow(Connection& connection) {
    error_code error;
    while (!error || error == asio::error::would_block) {
      co_await connection.dialler.async_wait(tcp::socket::wait_read, kGetting);
      connection.dialler.read_some(asio::buffer(scratch_), error);
    }
  }

  // Returns when what `from` sends reaches `to`.
  asio::awaitable<void> flowing(End from, End to) {
    while (cuts_.blocks(from, to)) {
      changed_.expires_at(asio::steady_timer::time_point::max());
      co_await changed_.async_wait(kGetting);
    }
  }

  // Passes on what one side sends. Nothing is read or written while it is cut, an end least of all.
  asio::awaitable<void> pass(Shared connection, bool forth) {
    const bool back = !forth;
    tcp::socket& from = back ? connection->target : connection->dialler;
    tcp::socket& to = back ? connection->dialler : connection->target;
    const End sender = back ? connection->at.target : connection->source;
    const End receiver = back ? connection->source : connection->at.target;
    std::string rest;  // read, and not yet written
    std::size_t written = 0;
    error_code error;
    while (true) {
      co_await flowing(sender, receiver);
      if (written < rest.size()) {
        const std::size_t more =
            to.write_some(asio::buffer(rest.data() + written, rest.size() - written), error);
        written += more;
        if (error == asio::error::would_block)
          co_await to.async_wait(tcp::socket::wait_write, kGetting);
        else if (error)
          break;
        continue;
      }
      const std::size_t count = from.read_some(asio::buffer(scratch_), error);
      if (error == asio::error::would_block) {
        co_await from.async_wait(tcp::socket::wait_read, kGetting);
        continue;
      }
      if (error == asio::error::eof) {
        to.shutdown(tcp::socket::shutdown_send, error);
        co_return;
      }
      if (error) {
        close_both(from, to);
        co_return;
      }
      written = to.write_some(asio::buffer(scratch_.data(), count), error);
      if (error && error != asio::error::would_block) break;
      rest.assign(scratch_, written, count - written);
      written = 0;
      if (!rest.empty()) continue;
      if (count < scratch_.size())  // that was all there was
        co_await from.async_wait(tcp::socket::wait_read, kGetting);
      else  // others have something to say, too
        co_await asio::post(context_, asio::use_awaitable);
    }
    // The receiver is gone; the sender hears of it once it can.
    co_await flowing(receiver, sender);
    close_both(from, to);
  }

  // ---- commands

  asio::awaitable<void> take_commands() {
    while (true) {
      auto [error, socket] = co_await commands_.async_accept(kGetting);
      if (error) {
        asio::steady_timer pause(context_, kBackOff);
        co_await pause.async_wait(kGetting);
        continue;
      }
      asio::steady_timer patience(context_, kCommandMax);
      patience.async_wait([&socket](error_code cancelled) {
        error_code ignored;
        if (!cancelled) socket.close(ignored);
      });
      std::string line;
      while (!error && !line.contains('\n') && line.size() < kCommandBytesMax) {
        char bytes[512];
        std::size_t count = 0;
        std::tie(error, count) = co_await socket.async_read_some(asio::buffer(bytes), kGetting);
        line.append(bytes, count);
      }
      if (line.contains('\n')) {
        const std::string answer = execute(line.substr(0, line.find('\n')));
        co_await asio::async_write(socket, asio::buffer(answer), kGetting);
      }
      // Its handler refers to the socket: it has run when this returns.
      patience.cancel();
      co_await asio::post(context_, asio::use_awaitable);
    }
  }

  std::string execute(const std::string& line) {
    const auto cut = cuts_.execute(line);
    if (!cut) return "error " + cut.error().context + "\n";
    if (line != "list") log::info("network", {{"command", line}, {"cut", *cut}});
    changed_.cancel();
    error_code ignored;
    for (const Shared& held : held_)
      if (!cuts_.blocks_either(held->source, held->at.target)) held->dialler.close(ignored);
    return "ok " + *cut + "\n";
  }

  asio::io_context context_{1};
  const std::string socket_;
  Local::acceptor commands_;
  std::list<Route> routes_;
  std::list<tcp::acceptor> acceptors_;
  Cuts cuts_;
  asio::steady_timer changed_{context_};  // cancelled when cuts_ change
  std::unordered_set<Shared> held_;
  std::size_t connections_ = 0;
  std::string scratch_;  // never across a co_await
};

}  // namespace

Result<void> run_network(const Installation& installation) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto network = std::make_unique<Network>(installation);
  return network->run();
}

Result<std::string> ask_network(const std::string& socket, const std::string& command) {
  asio::io_context context;
  Local::socket connection(context);
  error_code error;
  connection.connect(Local::endpoint(socket), error);
  const timeval patience{kCommandMax.count(), 0};
  (void)::setsockopt(connection.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience,
                     sizeof patience);
  if (!error) asio::write(connection, asio::buffer(command + "\n"), error);
  std::string answer;
  while (!error) {
    char bytes[512];
    answer.append(bytes, connection.read_some(asio::buffer(bytes), error));
  }
  if (answer.starts_with("error "))
    return Error{ErrorCode::kInvalidArgument, answer.substr(6, answer.find('\n') - 6)};
  if (!answer.starts_with("ok ") || !answer.ends_with('\n'))
    return Error{ErrorCode::kUnavailable, "the network between the nodes does not answer: " +
                                              error.message() + " (" + socket + ")"};
  return answer.substr(3, answer.size() - 4);
}

}  // namespace everpost::local
