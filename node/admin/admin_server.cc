#include "node/admin/admin_server.h"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>
#include <list>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/exception.h"
#include "base/log.h"
#include "node/admin/routes.h"

namespace everpost::node {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using Stream = beast::basic_stream<Local>;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::chrono::seconds kIdleMax{60};   // between a connection's requests
constexpr std::chrono::seconds kWriteMax{30};  // for a client to take its response
constexpr std::chrono::seconds kFinishMax{5};  // for requests under way when the server stops
constexpr std::uint32_t kHeaderBytesMax = 16 << 10;

// Who is at the other end, as the kernel tells.
std::string peer_of(Stream& stream) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (getsockopt(stream.socket().native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
    return "unknown via socket";
  return "uid " + std::to_string(peer.uid) + " via socket";
}

Response respond(const Request& request, const admin::Answer& answer) {
  Response response{
      answer ? http::status::ok : http::status(admin::http_status(answer.error().error.code)),
      request.version()};
  response.set(http::field::content_type, "application/json");
  response.keep_alive(request.keep_alive());
  response.body() =
      boost::json::serialize(answer ? *answer : boost::json::value(admin::to_json(answer.error())));
  response.body() += '\n';
  response.prepare_payload();
  return response;
}

Error io(const std::string& what, const std::string& path, int error) {
  return Error{ErrorCode::kIo, what + " " + path + ": " + std::strerror(error)};
}

// Makes way for a new socket at `path`, unless a daemon still answers at the one that is there.
Result<void> remove_dead_socket(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return io("look at", path, errno);
  }
  if (!S_ISSOCK(status.st_mode))
    return Error{ErrorCode::kAlreadyExists,
                 path + " is there and not a socket; remove it, or set listen.admin_socket"};
  asio::io_context context;
  Local::socket probe(context);
  error_code error;
  probe.connect(Local::endpoint(path), error);
  if (!error)
    return Error{ErrorCode::kAlreadyExists,
                 path + ": another everpostd answers there; stop it first"};
  if (unlink(path.c_str()) != 0) return io("remove", path, errno);
  return {};
}

}  // namespace

struct AdminServer::Impl {
  struct Client {
    explicit Client(Local::socket socket) : stream(std::move(socket)) {}
    Stream stream;
    bool busy = false;  // a request of it is under way
  };

  Impl(asio::any_io_executor executor, std::string p, Services& services, cluster::Node& node)
      : strand(asio::make_strand(executor)),
        acceptor(strand),
        path(std::move(p)),
        context{services, node, pool, services.clock.wall()} {}

  Result<void> open();
  asio::awaitable<void> accept();
  asio::awaitable<void> converse(std::shared_ptr<Client> client);
  asio::awaitable<void> finish();

  // One strand for all of it: there is little to do, and what takes long is done elsewhere.
  asio::strand<asio::any_io_executor> strand;
  Local::acceptor acceptor;
  const std::string path;
  asio::thread_pool pool{2};
  admin::Context context;
  bool accepting = false, stopping = false;
  std::list<std::shared_ptr<Client>> clients;
};

Result<void> AdminServer::Impl::open() {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return Error{ErrorCode::kInvalidArgument,
                 path + ": a socket's path has at most 107 bytes; set listen.admin_socket"};
  RETURN_IF_ERROR(remove_dead_socket(path));
  error_code error;
  acceptor.open(Local(), error);
  if (error) return Error{ErrorCode::kIo, "make a socket: " + error.message()};
  acceptor.bind(Local::endpoint(path), error);
  if (error) return Error{ErrorCode::kIo, "bind " + path + ": " + error.message()};
  // Nobody can connect before listen(): there is no moment in which others may.
  if (chmod(path.c_str(), 0660) != 0) return io("set the mode of", path, errno);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error{ErrorCode::kIo, "listen on " + path + ": " + error.message()};
  return {};
}

asio::awaitable<void> AdminServer::Impl::accept() {
  accepting = true;
  asio::steady_timer pause(strand);
  while (!stopping) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (stopping) break;
    if (error) {  // no file descriptors, say
      log::warning("admin: accept failed", {{"error", error.message()}});
      pause.expires_after(std::chrono::seconds{1});
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    if (clients.size() >= kConnectionsMax) continue;  // closes it
    auto client = std::make_shared<Client>(std::move(socket));
    clients.push_back(client);
    asio::co_spawn(strand, converse(client), [this, client](std::exception_ptr failure) {
      clients.remove(client);
      // One request that went wrong is no reason to end the daemon.
      if (failure) log::error("admin: request failed", {{"error", what(failure)}});
    });
  }
  accepting = false;
}

asio::awaitable<void> AdminServer::Impl::converse(std::shared_ptr<Client> client) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  Stream& stream = client->stream;
  const std::string actor = peer_of(stream);
  beast::flat_buffer buffer(kHeaderBytesMax + kRequestBytesMax);
  while (!stopping) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kRequestBytesMax);
    stream.expires_after(kIdleMax);
    const auto [read_error, bytes] = co_await http::async_read(stream, buffer, parser, token);
    client->busy = true;
    Response response;
    if (read_error == http::error::body_limit || read_error == http::error::header_limit) {
      Request empty;
      empty.keep_alive(false);
      response = respond(empty, Error{ErrorCode::kTooLarge, "the request is too large"});
    } else if (read_error) {
      break;  // the client left, was too slow, or does not speak HTTP
    } else {
      Request request = parser.release();
      const auto start = std::chrono::steady_clock::now();
      const auto answer =
          co_await admin::dispatch(context, request.method(), std::string(request.target()),
                                   std::exchange(request.body(), {}), actor);
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      if (request.method() != http::verb::get)
        log::info("administration",
                  {{"actor", actor},
                   {"request",
                    std::string(request.method_string()) + " " + std::string(request.target())},
                   {"result", answer ? std::string("ok") : to_string(answer.error().error)},
                   {"ms", took.count()}});
      response = respond(request, answer);
    }
    if (stopping) response.keep_alive(false);
    const bool last = response.need_eof();
    stream.expires_after(kWriteMax);
    const auto [write_error, written] = co_await http::async_write(stream, response, token);
    client->busy = false;
    if (write_error || last) break;
  }
  error_code ignored;
  stream.socket().shutdown(Local::socket::shutdown_both, ignored);
  stream.close();
}

asio::awaitable<void> AdminServer::Impl::finish() {
  stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  unlink(path.c_str());
  // Connections that wait for a request end now, the others once they are answered.
  const auto until = std::chrono::steady_clock::now() + kFinishMax;
  asio::steady_timer pause(strand);
  while (accepting || !clients.empty()) {
    for (const auto& client : clients)
      if (!client->busy || std::chrono::steady_clock::now() >= until) client->stream.close();
    pause.expires_after(std::chrono::milliseconds{20});
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::listen(asio::any_io_executor executor,
                                                         const std::string& path,
                                                         Services& services, cluster::Node& node) {
  auto impl = std::make_unique<Impl>(std::move(executor), path, services, node);
  RETURN_IF_ERROR(impl->open());
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

void AdminServer::start() { asio::co_spawn(impl_->strand, impl_->accept(), asio::detached); }

asio::awaitable<void> AdminServer::stop() {
  co_await asio::co_spawn(impl_->strand, impl_->finish(), asio::use_awaitable);
}

}  // namespace everpost::node
