#include "node/admin/admin_server.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/verb.hpp>
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

// Beast parses; reading and writing are a few lines here, where its streams would be half a minute
// of compiling.
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using Request = http::request<http::string_body>;

constexpr std::chrono::seconds kIdleMax{60};   // between a connection's requests
constexpr std::chrono::seconds kWriteMax{30};  // for a client to take its response
constexpr std::chrono::seconds kFinishMax{5};  // for requests under way when the server stops
constexpr std::uint32_t kHeaderBytesMax = 16 << 10;
constexpr std::size_t kReadBytes = 16 << 10;

// Who is at the other end, as the kernel tells.
std::string peer_of(Local::socket& socket) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
    return "unknown via socket";
  return "uid " + std::to_string(peer.uid) + " via socket";
}

std::string response_to(const admin::Answer& answer, bool keep) {
  const int status = answer ? 200 : static_cast<int>(admin::http_status(answer.error().error.code));
  const std::string body =
      boost::json::serialize(answer ? *answer
                                    : boost::json::value(admin::to_json(answer.error()))) +
      "\n";
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
  std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
  text.append(reason.data(), reason.size());
  text += "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n";
  if (!keep) text += "Connection: close\r\n";
  return text + "\r\n" + body;
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
  struct Client : std::enable_shared_from_this<Client> {
    explicit Client(Local::socket s) : socket(std::move(s)), timer(socket.get_executor()) {}
    // From now on: closes the connection when the time is over.
    void give(std::chrono::seconds time);
    void close();
    // All of the next request. Errors: kTooLarge; kClosed (left, too slow, or no HTTP).
    Task<Request> read();
    Task<void> write(const std::string& text);

    Local::socket socket;
    asio::steady_timer timer;
    std::string input;  // received, and not parsed
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
  asio::awaitable<admin::Answer> answer(Request request, std::string actor);
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

void AdminServer::Impl::Client::give(std::chrono::seconds time) {
  timer.expires_after(time);
  timer.async_wait([client = shared_from_this()](error_code cancelled) {
    if (!cancelled && client->timer.expiry() <= std::chrono::steady_clock::now()) client->close();
  });
}

void AdminServer::Impl::Client::close() {
  error_code ignored;
  socket.close(ignored);
}

Task<Request> AdminServer::Impl::Client::read() {
  http::request_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(kRequestBytesMax);
  parser.eager(true);
  for (;;) {
    error_code failure;
    if (!input.empty()) input.erase(0, parser.put(asio::buffer(input), failure));
    if (failure == http::error::body_limit || failure == http::error::header_limit)
      co_return Error{ErrorCode::kTooLarge, "the request is too large"};
    if (failure && failure != http::error::need_more)
      co_return Error{ErrorCode::kClosed, failure.message()};
    if (parser.is_done()) co_return parser.release();
    const std::size_t have = input.size();
    input.resize(have + kReadBytes);
    const auto [error, bytes] = co_await socket.async_read_some(
        asio::buffer(input.data() + have, kReadBytes), asio::as_tuple(asio::use_awaitable));
    input.resize(have + bytes);
    if (error) co_return Error{ErrorCode::kClosed, error.message()};
  }
}

Task<void> AdminServer::Impl::Client::write(const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const auto [error, bytes] = co_await socket.async_write_some(
        asio::buffer(text.data() + sent, text.size() - sent), asio::as_tuple(asio::use_awaitable));
    if (error) co_return Error{ErrorCode::kClosed, error.message()};
    sent += bytes;
  }
  co_return Result<void>{};
}

asio::awaitable<admin::Answer> AdminServer::Impl::answer(Request request, std::string actor) {
  const auto start = std::chrono::steady_clock::now();
  auto answer = co_await admin::dispatch(context, request.method(), std::string(request.target()),
                                         std::exchange(request.body(), {}), actor);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  if (request.method() != http::verb::get)
    log::info(
        "administration",
        {{"actor", actor},
         {"request", std::string(request.method_string()) + " " + std::string(request.target())},
         {"result", answer ? std::string("ok") : to_string(answer.error().error)},
         {"ms", took.count()}});
  co_return answer;
}

asio::awaitable<void> AdminServer::Impl::converse(std::shared_ptr<Client> client) {
  const std::string actor = peer_of(client->socket);
  for (bool keep = true; keep && !stopping;) {
    client->give(kIdleMax);
    auto request = co_await client->read();
    if (!request && request.error().code != ErrorCode::kTooLarge) break;
    client->busy = true;
    client->timer.cancel();  // the answer takes as long as it takes
    keep = request && request->keep_alive() && request->version() == 11;
    const admin::Answer answered = request ? co_await answer(*std::move(request), actor)
                                           : admin::Answer(std::move(request).error());
    keep = keep && !stopping;
    client->give(kWriteMax);
    const auto written = co_await client->write(response_to(answered, keep));
    client->busy = false;
    if (!written) break;
  }
  client->timer.cancel();
  error_code ignored;
  client->socket.shutdown(Local::socket::shutdown_both, ignored);
  client->close();
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
      if (!client->busy || std::chrono::steady_clock::now() >= until) client->close();
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
