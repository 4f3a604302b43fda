#include "cluster/cluster_links.h"

#include "base/log.h"
#include "base/random.h"
#include "cluster/transport/message_codec.h"

namespace everpost::cluster {
namespace {

constexpr rpc::Method kMailMethod = 1;     // a MailServer's requests
constexpr rpc::Method kControlMethod = 2;  // a Control's
constexpr rpc::Method kCopyMethod = 3;     // a CopyServer's
// Fine enough for the core's shortest time, 20 ms, and nothing beside a heartbeat's cost.
constexpr auto kClockTick = std::chrono::milliseconds{5};
// A hint of the coordinator that got lost is made up for so soon.
constexpr auto kMeetEvery = std::chrono::seconds{5};
constexpr auto kRegisterWithin = std::chrono::seconds{60};
constexpr auto kPlaceWithin = std::chrono::seconds{60};

// What must arrive in the order in which it was sent goes one way: a replica's stream. Answers and
// votes are small and urgent; what mends a log is neither.
rpc::Channel channel_of(const replication::Message& message) {
  using namespace replication;
  return std::visit(
      [](const auto& payload) {
        using T = std::decay_t<decltype(payload)>;
        if constexpr (std::is_same_v<T, Probe> || std::is_same_v<T, Sync> ||
                      std::is_same_v<T, Append>)
          return rpc::Channel::kAppend;
        else if constexpr (std::is_same_v<T, Range>)
          return rpc::Channel::kBulk;
        else
          return rpc::Channel::kControl;
      },
      message.payload);
}

Task<std::string> answer_copy(CopyServer& copies, std::string request) {
  co_return copies.serve(request);
}

}  // namespace

ClusterLinks::ClusterLinks(const ClusterOptions& options, NodeId node)
    : options_(options), node_(node), incarnation_(random_u64()) {}

Result<std::unique_ptr<ClusterLinks>> ClusterLinks::open(const ClusterOptions& options,
                                                         NodeId node) {
  std::unique_ptr<ClusterLinks> links(new ClusterLinks(options, node));
  ZooKeeperCoordinator::Options zookeeper;
  zookeeper.zookeeper.servers = options.zookeeper;
  zookeeper.root = options.root;
  zookeeper.node = node;
  zookeeper.incarnation = Incarnation{links->incarnation_};
  links->coordinator_ = std::make_unique<ZooKeeperCoordinator>(std::move(zookeeper));
  for (;;) {
    auto cluster = links->coordinator_->registry().cluster();  // patient by itself
    if (!cluster && cluster.error().code == ErrorCode::kUnavailable) {
      log::warning("waiting for ZooKeeper", {{"error", to_string(cluster.error())}});
      continue;
    }
    ASSIGN_OR_RETURN(links->cluster_, std::move(cluster));
    break;
  }

  rpc::Options rpc;
  rpc.cluster = links->cluster_;
  rpc.node = node;
  rpc.incarnation = links->incarnation_;
  rpc.listen = options.listen;
  rpc.ca = options.ca;
  rpc.certificate = options.certificate;
  rpc.key = options.key;
  ASSIGN_OR_RETURN(links->transport_, rpc::Transport::start(std::move(rpc), *links));

  ZooKeeperRegistry& registry = links->coordinator_->registry();
  registry.on_change([self = links.get()] { self->members_changed_ = true; });
  NodeRecord record;
  record.node = node;
  record.address = options.advertise.empty() ? options.listen : options.advertise;
  if (record.address.ends_with(":0"))
    record.address.replace(record.address.size() - 1, 1, std::to_string(links->transport_->port()));
  record.zone = options.zone;
  record.release = EVERPOST_VERSION;
  const FeatureRange features = record.features;
  registry.announce(std::move(record));
  RETURN_IF_ERROR(links->wait_until_registered(features));
  RETURN_IF_ERROR(links->meet());
  RETURN_IF_ERROR(links->wait_for_place());
  links->far_ = std::make_unique<FarShards>(*links->coordinator_);
  return links;
}

ClusterLinks::~ClusterLinks() { stop(); }

Result<void> ClusterLinks::wait_until_registered(const FeatureRange& features) {
  ZooKeeperRegistry& registry = coordinator_->registry();
  const auto until = std::chrono::steady_clock::now() + kRegisterWithin;
  while (!registry.registered()) {
    if (std::chrono::steady_clock::now() > until)
      return Error{ErrorCode::kUnavailable,
                   "this node could not register itself: is another process with node.id " +
                       to_string(node_) + " running, and may this one write in ZooKeeper?"};
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  // Not raised from here on to one that we do not know.
  ASSIGN_OR_RETURN(const std::uint32_t level, registry.feature_level());
  if (features.has(level)) return {};
  return Error{ErrorCode::kUnsupported,
               "the cluster works at feature level " + std::to_string(level) +
                   ", this release knows " + std::to_string(features.min) + " to " +
                   std::to_string(features.max) + ": install the release of the other nodes"};
}

// A new node is given a copy of the directory by the one that leads it.
Result<void> ClusterLinks::wait_for_place() {
  const auto until = std::chrono::steady_clock::now() + kPlaceWithin;
  for (bool told = false;; told = true) {
    RETURN_IF_ERROR(read_placement());
    const auto directory = placement_.find(kDirectoryShard);
    if (directory == placement_.end() || directory->second.in_replicas(node_)) return {};
    if (std::chrono::steady_clock::now() > until)
      return Error{ErrorCode::kNotFound,
                   "no node has given this one a copy of the directory: do the others run?"};
    if (!told) log::info("a new node: waiting for its copy of the directory");
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
  }
}

Result<void> ClusterLinks::read_placement() {
  placement_.clear();
  ASSIGN_OR_RETURN(const auto ids, coordinator_->shards());
  for (const ShardId id : ids) {
    ASSIGN_OR_RETURN(auto found, coordinator_->get_now(id));
    placement_.emplace(id, std::move(found.config));
  }
  return {};
}

void ClusterLinks::start(std::map<ShardId, Shard*> shards) {
  {
    const std::scoped_lock lock(mutex_);
    shards_ = std::move(shards);
  }
  clock_ = std::thread([this] { keep_time(); });
  registrar_ = std::thread([this] {
    auto next = std::chrono::steady_clock::now() + kMeetEvery;
    while (!stopping_) {
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
      const auto now = std::chrono::steady_clock::now();
      if (!members_changed_.exchange(false) && now < next) continue;
      next = now + kMeetEvery;
      if (const auto met = meet(); !met)
        log::warning("cannot see which nodes there are", {{"error", to_string(met.error())}});
    }
  });
}

void ClusterLinks::add(Shard& shard) {
  const std::scoped_lock lock(mutex_);
  shards_.emplace(shard.id(), &shard);
}

std::optional<Micros> ClusterLinks::connected_since(NodeId node) {
  const std::scoped_lock lock(mutex_);
  const auto found = connected_since_.find(node);
  if (found == connected_since_.end()) return std::nullopt;
  return found->second;
}

void ClusterLinks::serve(MailServer& server, asio::any_io_executor executor) {
  transport_->serve(kMailMethod, std::move(executor), [&server](NodeId from, std::string request) {
    return server.serve(from, std::move(request));
  });
}

void ClusterLinks::serve(Control& control) {
  transport_->serve(kControlMethod, control.executor(),
                    [&control](NodeId from, std::string request) {
                      return control.serve(from, std::move(request));
                    });
}

void ClusterLinks::serve(CopyServer& copies, asio::any_io_executor executor) {
  transport_->serve(kCopyMethod, std::move(executor),
                    [&copies](NodeId, std::string request) -> Task<std::string> {
                      return answer_copy(copies, std::move(request));
                    });
}

Task<std::string> ClusterLinks::ask_copy(NodeId node, std::string request, Micros timeout) {
  co_return co_await transport_->call(node, kCopyMethod, std::move(request), timeout,
                                      rpc::Channel::kBulk);
}

void ClusterLinks::stop() {
  stopping_ = true;
  if (clock_.joinable()) clock_.join();
  if (registrar_.joinable()) registrar_.join();
  if (transport_) transport_->stop();
}

void ClusterLinks::send(NodeId to, ShardId shard, const replication::Message& message) {
  // What does not get through the core takes for lost.
  (void)transport_->send(to, channel_of(message), shard, encode(message, cluster_, shard));
}

Task<std::string> ClusterLinks::call(NodeId node, std::string request, Micros timeout) {
  co_return co_await transport_->call(node, kMailMethod, std::move(request), timeout);
}

std::optional<NodeId> ClusterLinks::primary(ShardId shard) {
  std::optional<NodeId> primary;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = shards_.find(shard);
    if (found == shards_.end()) {
      if (placement_.contains(shard)) primary = far_->primary(shard);
    } else if (found->second->leads()) {
      return node_;
    } else {
      primary = found->second->primary();
    }
  }
  // Its own takeover is not complete yet.
  return primary == node_ ? std::nullopt : primary;
}

// A replica here hears of changes by itself.
void ClusterLinks::wrong(ShardId shard, NodeId) { far_->look_again(shard); }

std::vector<ShardId> ClusterLinks::mail_shards() {
  std::vector<ShardId> ids;
  for (const auto& [id, config] : placement_)
    if (id != kDirectoryShard) ids.push_back(id);
  return ids;
}

std::vector<KnownNode> ClusterLinks::nodes() {
  const auto peers = transport_->peers();
  std::vector<KnownNode> all;
  const std::scoped_lock lock(mutex_);
  for (const Member& member : members_) {
    KnownNode& known = all.emplace_back();
    known.node = member.record.node;
    known.address = member.record.address;
    known.zone = member.record.zone;
    known.release = member.record.release;
    known.live = member.live || member.record.node == node_;
    const auto peer = peers.find(member.record.node);
    if (peer == peers.end() || peer->second.linked) continue;
    known.trouble = peer->second.error ? peer->second.error->context : "not connected yet";
  }
  return all;
}

// On the channel for what is small and urgent: that of the frontends may be full.
Task<std::string> ClusterLinks::ask(NodeId node, std::string request, Micros timeout) {
  co_return co_await transport_->call(node, kControlMethod, std::move(request), timeout,
                                      rpc::Channel::kControl);
}

// ---- the transport's thread

void ClusterLinks::received(rpc::Received message) {
  // Before the lock: the checksums take their time.
  auto decoded = decode(as_bytes(message.bytes), cluster_, message.shard);
  if (!decoded)
    return log::error(
        "a message of another node cannot be read",
        {{"shard", message.shard}, {"node", message.from}, {"error", to_string(decoded.error())}});
  if (decoded->from.node != message.from)
    return log::error("a message claims to be of another node than its sender",
                      {{"shard", message.shard}, {"node", message.from}});
  const std::scoped_lock lock(mutex_);
  const auto shard = shards_.find(message.shard);
  if (shard != shards_.end()) shard->second->receive(*std::move(decoded));
}

void ClusterLinks::connected(const rpc::PeerInfo& peer) {
  const std::scoped_lock lock(mutex_);
  connected_since_[peer.node] = system_clock().steady();
}

void ClusterLinks::lost(NodeId peer, const Error&) {
  const std::scoped_lock lock(mutex_);
  connected_since_.erase(peer);
  for (const auto& [id, shard] : shards_) shard->lost(peer);
}

// ---- threads

Result<void> ClusterLinks::meet() {
  ASSIGN_OR_RETURN(const auto members, coordinator_->registry().members());
  std::map<NodeId, std::string> addresses;
  for (const Member& member : members)
    if (member.record.node != node_) addresses.emplace(member.record.node, member.record.address);
  transport_->set_peers(std::move(addresses));
  const std::scoped_lock lock(mutex_);
  members_ = members;
  return {};
}

void ClusterLinks::keep_time() {
  while (!stopping_) {
    std::this_thread::sleep_for(kClockTick);
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, shard] : shards_) shard->tick();
  }
}

}  // namespace everpost::cluster
