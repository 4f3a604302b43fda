// The daemon's parts in their order: ports bound (perhaps as root), the store opened, sessions
// served, everything stopped. everpostd.cc calls these from its one thread.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "cluster/node.h"
#include "node/admin/admin_server.h"
#include "node/runtime/accept_loop.h"
#include "node/runtime/health.h"
#include "node/runtime/http_server.h"
#include "node/runtime/io_threads.h"
#include "node/runtime/services.h"
#include "node/runtime/sessions.h"
#include "node/supervisor/handover.h"

namespace everpost::node {

class Server {
 public:
  // handover: from the supervisor; one without sockets when there is none.
  Server(Config config, Handover handover);
  ~Server();

  // Reads the certificate, binds all ports that the supervisor has not bound. Errors:
  // kInvalidArgument, kBusy.
  Result<void> bind();
  // Serves /healthz and /metrics, recovers the store. Blocks.
  Result<void> open();
  // Takes connections.
  void serve();
  // The certificate anew; the old one stays when the new one is bad.
  void reload();
  // No new connections; sessions say goodbye, those that have not ended after 10 s are closed; then
  // the store is closed. Errors: what kept the store from being closed cleanly: it recovers with
  // the next start.
  Result<void> stop();

  IoThreads& threads() { return threads_; }
  const Config& config() const { return config_; }

 private:
  asio::awaitable<void> session(Protocol protocol, std::unique_ptr<Connection> connection);
  asio::awaitable<void> converse(Protocol protocol, std::unique_ptr<Connection> connection);
  Result<void> bind(const Listener& listener);
  Result<std::unique_ptr<AcceptLoop>> bind(AcceptLoop::Options options, bool http);
  void stop_http();
  HttpReply answer(std::string_view path) const;
  std::vector<cluster::ShardStatus> shards() const;
  void add_metric_sources();

  const Config config_;
  Handover handover_;
  std::atomic<ServerState> state_{ServerState::kStarting};
  Metrics metrics_;
  MemoryBudget message_memory_;
  std::unique_ptr<TlsContext> tls_;
  std::unique_ptr<storage::Env> env_;
  std::unique_ptr<cluster::Node> node_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Services> services_;
  const HttpHandler http_handler_;
  // Sessions live in the threads' contexts and use all of the above.
  IoThreads threads_;
  ConnectionLimits limits_, http_limits_;
  Sessions sessions_, http_sessions_;
  std::unique_ptr<AdminServer> admin_;
  std::vector<std::unique_ptr<AcceptLoop>> accept_loops_, http_accept_loops_;
};

}  // namespace everpost::node
