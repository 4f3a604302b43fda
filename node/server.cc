#include "node/server.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <unistd.h>

#include "base/log.h"
#include "node/imap/serve.h"
#include "node/runtime/process_metrics.h"
#include "node/runtime/shard_metrics.h"
#include "node/service_manager.h"
#include "node/smtp/serve.h"
#include "storage/env/posix_env.h"

namespace everpost::node {
namespace {

using namespace std::chrono_literals;

constexpr auto kGrace = 10s;     // for sessions to end by themselves when the server stops
constexpr auto kLastWait = 70s;  // for operations of the store, which have deadlines of 60 s
constexpr auto kTlsHandshakeTime = 30s;
constexpr std::uint32_t kHttpConnectionsMax = 64;

bool implicit_tls(Protocol protocol) {
  return protocol == Protocol::kSubmissions || protocol == Protocol::kImaps;
}

std::string refusal(Protocol protocol, const std::string& hostname) {
  switch (protocol) {
    case Protocol::kSmtp:
    case Protocol::kSubmission:
    case Protocol::kLmtp:  // RFC 5321 §3.8, RFC 3463: 4.3.2 system not accepting network messages
      return "421 4.3.2 " + hostname + " Too many connections, try again later\r\n";
    case Protocol::kImap:  // RFC 3501 §7.1.5, RFC 5530
      return "* BYE [UNAVAILABLE] Too many connections, try again later\r\n";
    case Protocol::kHttp:
      return "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n";
    case Protocol::kSubmissions:
    case Protocol::kImaps:
      break;
  }
  return "";
}

}  // namespace

Server::Server(Config config, Handover handover)
    : config_(std::move(config)),
      handover_(std::move(handover)),
      message_memory_(config_.message_memory_bytes),
      http_handler_([this](std::string_view path) { return answer(path); }),
      threads_(config_.threads),
      limits_(config_.connections, config_.connections_per_address),
      http_limits_(kHttpConnectionsMax, kHttpConnectionsMax),
      sessions_(threads_),
      http_sessions_(threads_) {
  add_metric_sources();
}

Server::~Server() {
  stop_http();
  threads_.stop();
  // A session that was abandoned refers to sessions_ and limits_ until it is destroyed; that is
  // only safe when nobody else has sockets in the threads' contexts.
  accept_loops_.clear();
  http_accept_loops_.clear();
  admin_.reset();
  threads_.discard();
  if (node_)
    if (const auto stopped = node_->stop(); !stopped)
      log::error("store not closed cleanly", {{"error", to_string(stopped.error())}});
}

Result<void> Server::bind() {
  if (!config_.certificate.empty()) {
    ASSIGN_OR_RETURN(tls_, TlsContext::load(config_.certificate, config_.key));
  }
  for (const Listener& listener : config_.listeners) RETURN_IF_ERROR(bind(listener));
  // The configuration has changed since the supervisor read it, a moment ago.
  for (const auto& [address, socket] : handover_.sockets) ::close(socket);
  handover_.sockets.clear();
  return {};
}

Result<void> Server::bind(const Listener& listener) {
  const Protocol protocol = listener.protocol;
  const bool http = protocol == Protocol::kHttp;
  auto& loops = http ? http_accept_loops_ : accept_loops_;
  for (const ListenAddress& address : listener.addresses) {
    AcceptLoop::Options options{protocol, address, refusal(protocol, config_.hostname),
                                [this, protocol](std::unique_ptr<Connection> connection) {
                                  return session(protocol, std::move(connection));
                                }};
    ASSIGN_OR_RETURN(auto loop, bind(std::move(options), http));
    loops.push_back(std::move(loop));
  }
  return {};
}

Result<std::unique_ptr<AcceptLoop>> Server::bind(AcceptLoop::Options options, bool http) {
  const std::size_t thread = (accept_loops_.size() + http_accept_loops_.size()) % threads_.size();
  Sessions& sessions = http ? http_sessions_ : sessions_;
  ConnectionLimits& limits = http ? http_limits_ : limits_;
  const auto inherited = handover_.sockets.extract(to_string(options.address));
  if (inherited.empty())
    return AcceptLoop::bind(std::move(options), thread, threads_, sessions, limits);
  return AcceptLoop::over(Descriptor(inherited.mapped()), std::move(options), thread, threads_,
                          sessions, limits);
}

Result<void> Server::open() {
  threads_.start();
  for (const auto& loop : http_accept_loops_) loop->start();

  env_ = std::make_unique<storage::PosixEnv>();
  cluster::NodeOptions options;
  options.env = env_.get();
  options.node = config_.id;
  options.data_folder = config_.data_folder;
  options.cluster = config_.cluster;
  options.mail_shards = config_.shards;
  options.min_free_percent = config_.min_free_percent;
  options.scrub_bytes_per_second = std::uint64_t{config_.scrub_mb_per_second} * 1'000'000;
  options.undelete_window = std::chrono::minutes{config_.undelete_minutes};
  options.journal_folder = config_.data_folder + "/journal";
  options.progress = [](const std::string& line) { service_manager::status(line); };
  {
    const service_manager::StartingTicker ticker;
    ASSIGN_OR_RETURN(node_, cluster::Node::open(std::move(options)));
  }
  directory_ = std::make_unique<Directory>(node_->directory());
  authenticator_ =
      std::make_unique<Authenticator>(*directory_, static_cast<unsigned>(threads_.size()));
  services_ =
      std::make_unique<Services>(Services{config_, system_clock(), node_->mail(), *directory_,
                                          *authenticator_, tls_.get(), metrics_, message_memory_});
  ASSIGN_OR_RETURN(admin_, AdminServer::listen(threads_.context(0).get_executor(),
                                               config_.admin_socket, *services_, *node_));
  return {};
}

void Server::serve() {
  state_ = ServerState::kServing;
  admin_->start();
  for (const auto& loop : accept_loops_) loop->start();
  handover_.say_ready();
}

void Server::reload() {
  if (!tls_) return;
  if (const auto reloaded = tls_->reload())
    log::info("certificate reloaded", {{"file", config_.certificate}});
  else
    log::error("certificate not reloaded, the old one stays in use",
               {{"error", reloaded.error().context}});
}

Result<void> Server::stop() {
  state_ = ServerState::kStopping;
  for (const auto& loop : accept_loops_) loop->stop();
  sessions_.stop();

  // Shared: it may be abandoned below.
  const auto admin_stopped = std::make_shared<std::promise<void>>();
  asio::co_spawn(threads_.context(0), admin_->stop(),
                 [admin_stopped](std::exception_ptr) { admin_stopped->set_value(); });
  if (!sessions_.wait_until_none(kGrace)) {
    log::warning("closing the connections of sessions that have not ended",
                 {{"sessions", sessions_.count()}});
    sessions_.close();
    if (!sessions_.wait_until_none(kLastWait)) {
      // They use the store, so it cannot be closed under them. It recovers what was committed.
      log::error("sessions do not end; exiting without closing the store",
                 {{"sessions", sessions_.count()}});
      log::flush();
      std::_Exit(EXIT_FAILURE);
    }
  }
  if (admin_stopped->get_future().wait_for(kGrace) != std::future_status::ready) {
    // A request that takes long, such as `everpost verify`, reads the store on a thread of its own.
    log::error("an administrator's request does not end; exiting without closing the store");
    log::flush();
    std::_Exit(EXIT_FAILURE);
  }
  stop_http();
  threads_.stop();
  const auto node = std::exchange(node_, nullptr);
  return node->stop();
}

void Server::stop_http() {
  for (const auto& loop : http_accept_loops_) loop->stop();
  http_sessions_.stop();
  http_sessions_.close();
  http_sessions_.wait_until_none(kGrace);
}

asio::awaitable<void> Server::session(Protocol protocol, std::unique_ptr<Connection> connection) {
  const std::string name(to_string(protocol));
  metrics_.connections.Add({{"protocol", name}}).Increment();
  prometheus::Gauge& sessions = metrics_.sessions.Add({{"protocol", name}});
  sessions.Increment();
  struct Leave {
    prometheus::Gauge& sessions;
    ~Leave() { sessions.Decrement(); }
  };
  const Leave leave{sessions};
  co_await converse(protocol, std::move(connection));
}

asio::awaitable<void> Server::converse(Protocol protocol, std::unique_ptr<Connection> connection) {
  if (implicit_tls(protocol)) {
    if (const auto started = co_await connection->start_tls(*tls_, kTlsHandshakeTime); !started) {
      log::info("TLS handshake failed", {{"protocol", to_string(protocol)},
                                         {"client", connection->peer_address()},
                                         {"error", started.error().context}});
      co_return;
    }
  }
  const std::atomic<bool>& stopping = sessions_.stopping();
  switch (protocol) {
    case Protocol::kSmtp:
      co_return co_await smtp::serve(std::move(connection), smtp::Flavour::kSmtp, *services_,
                                     stopping);
    case Protocol::kSubmission:
    case Protocol::kSubmissions:
      co_return co_await smtp::serve(std::move(connection), smtp::Flavour::kSubmission, *services_,
                                     stopping);
    case Protocol::kLmtp:
      co_return co_await smtp::serve(std::move(connection), smtp::Flavour::kLmtp, *services_,
                                     stopping);
    case Protocol::kImap:
    case Protocol::kImaps:
      co_return co_await imap::serve(std::move(connection), *services_, stopping);
    case Protocol::kHttp:
      co_return co_await serve_http(std::move(connection), http_handler_,
                                    http_sessions_.stopping());
  }
}

std::vector<cluster::ShardStatus> Server::shards() const {
  // Before it serves node_ is being made; while it stops the store closes after HTTP does.
  return state_ == ServerState::kStarting ? std::vector<cluster::ShardStatus>{} : node_->status();
}

HttpReply Server::answer(std::string_view path) const {
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text()};
  if (path == "/healthz") return health_reply(config_.id, state_, shards());
  return {404, "text/plain", "here are /metrics and /healthz\n"};
}

void Server::add_metric_sources() {
  metrics_.sources.push_back([this] {
    MetricFamilies families;
    add_process_metrics(families);
    families.counter("everpost_worker_restarts_total", "Workers that had died and were replaced",
                     handover_.restarts);
    families.gauge("everpost_connections", "Connections of the mail protocols", limits_.count());
    families.gauge("everpost_connections_max", "limits.connections", config_.connections);
    families.gauge("everpost_message_memory_bytes", "Memory of messages being received",
                   static_cast<double>(message_memory_.used()));
    families.gauge("everpost_message_memory_max_bytes", "limits.message_memory_bytes",
                   static_cast<double>(config_.message_memory_bytes));
    add_shard_metrics(shards(), families);
    if (state_ != ServerState::kStarting) add_space_metrics(node_->space(), families);
    return families.take();
  });
}

}  // namespace everpost::node
