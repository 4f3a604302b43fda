#include "tests/simulation/cluster.h"

#include <fmt/format.h>

namespace everpost::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Micros kSettleTime = seconds{30};  // P12: then every operation has ended

ShardConfig first_config(const Plan& plan, const std::vector<std::unique_ptr<Node>>& nodes) {
  ShardConfig config;
  config.min_isr = plan.min_isr;
  for (std::uint32_t i = 0; i < plan.replicas; ++i) {
    config.replicas.push_back(nodes[i]->id());
    if (i < plan.isr) config.isr.push_back(nodes[i]->copy());
  }
  return config;
}

std::vector<std::unique_ptr<Node>> make_nodes(Cluster& cluster, std::uint32_t count) {
  std::vector<std::unique_ptr<Node>> nodes;
  for (std::uint32_t i = 0; i < count; ++i) nodes.push_back(std::make_unique<Node>(cluster, i));
  return nodes;
}

}  // namespace

Cluster::Cluster(Plan plan, bool trace)
    : plan_(std::move(plan)),
      trace_(trace),
      rng_(plan_.seed ^ 0xabcdef),
      nodes_(make_nodes(*this, plan_.nodes)),
      coordinator_(timeline_, Rng(plan_.seed ^ 0x777), plan_, first_config(plan_, nodes_)) {
  for (std::uint32_t i = 0; i < plan_.clients; ++i)
    clients_.push_back(std::make_unique<Client>(*this, i, Rng(plan_.seed ^ (0x5555 + i))));
  coordinator_.changed = [this](const ShardConfig&, Transition, const CopyId&) {
    check_candidates();
    watch_fires();
  };
}

Uuid Cluster::new_disk_id() {
  Uuid id{};
  id[0] = static_cast<std::byte>(++disks_);
  id[1] = static_cast<std::byte>(disks_ >> 8);
  return id;
}

// ---- network

Micros Cluster::delay() {
  return calm_ ? rng_.exponential(Micros{60}, Micros{150})
               : rng_.exponential(Micros{60}, plan_.delay_mean);
}

void Cluster::send(NodeId from, NodeId to, Message message) {
  if (to.value == 0 || to.value > nodes_.size()) return;
  Link& link = links_[from.value - 1][to.value - 1];
  if (link.cut || (loses && loses(from, to, message))) return;
  if (!calm_ && rng_.chance(plan_.drop)) {
    // What is lost on a connection is lost with the connection, usually.
    if (rng_.chance(0.5)) lost_connection(from, to);
    return;
  }
  Micros arrival = std::max(now() + delay(), link.clogged_until);
  // One connection keeps the order; another connection does not know of it.
  if (calm_ || !rng_.chance(plan_.reorder)) arrival = std::max(arrival, link.last);
  link.last = std::max(link.last, arrival);
  const auto deliver = [this, from, to](Message arrived) {
    Node& node = *nodes_[to.value - 1];
    if (node.is_up()) return node.happen(Received{std::move(arrived)});
    // A machine that lives without the process refuses the connection.
    if (node.has_power() && !links_[to.value - 1][from.value - 1].cut)
      after(delay(), [this, from, to] { nodes_[from.value - 1]->happen(PeerLost{to}); });
  };
  if (!calm_ && rng_.chance(plan_.duplicate))
    at(arrival + delay(), [deliver, message] { deliver(message); });
  at(arrival, [deliver, message = std::move(message)]() mutable { deliver(std::move(message)); });
}

void Cluster::lost_connection(NodeId a, NodeId b) {
  for (const auto& [one, other] : {std::pair{a, b}, std::pair{b, a}})
    after(delay(), [this, one, other] { nodes_[one.value - 1]->happen(PeerLost{other}); });
}

void Cluster::connections_break(NodeId node) {
  for (const auto& other : nodes_) {
    if (other->id() == node || links_[node.value - 1][other->id().value - 1].cut) continue;
    after(delay(),
          [this, to = other->id(), node] { nodes_[to.value - 1]->happen(PeerLost{node}); });
  }
}

void Cluster::cut(std::uint32_t from, std::uint32_t to, bool cut) { links_[from][to].cut = cut; }
void Cluster::reset(std::uint32_t a, std::uint32_t b) {
  lost_connection(NodeId{a + 1}, NodeId{b + 1});
}

// ---- coordinator, clients

void Cluster::watch_fires() {
  for (const auto& node : nodes_) {
    if (!coordinator_.reachable(node->id())) continue;
    if (!calm_ && rng_.chance(plan_.watch_loss)) continue;
    const Micros late = rng_.exponential(Micros{200}, milliseconds{calm_ ? 1 : 30});
    after(late,
          [node = node.get(), seen = ConfigSeen{coordinator_.config(), coordinator_.version()}] {
            node->happen(seen);
          });
  }
}

void Cluster::announce(NodeId primary) {
  for (const auto& client : clients_)
    after(rng_.exponential(Micros{50}, milliseconds{2}),
          [client = client.get(), primary] { client->hear_of_primary(primary); });
}

void Cluster::reply(const Call& call, Reply reply, NodeId from) {
  if (call.client == kScripted) return heard_.push_back({call.attempt, from, std::move(reply)});
  if (loses_reply && loses_reply(call, reply)) return;
  if (!calm_ && rng_.chance(plan_.client_loss)) return;
  after(rng_.exponential(Micros{30}, Micros{300}), [this, call, reply = std::move(reply), from] {
    clients_[call.client]->hear(call.attempt, reply, from);
  });
}

Node* Cluster::primary() {
  for (const auto& node : nodes_)
    if (node->core() && node->core()->role == Role::kPrimary && node->core()->primacy.open &&
        node->core()->meta.epoch == coordinator_.config().epoch)
      return node.get();
  return nullptr;
}

// ---- checks

void Cluster::check_step(const Node& node) {
  checker_.stepped(node.view());
  Checker::check_primary(coordinator_.config(), node.view());
  if (checker_.committed() == checked_commit_) return;
  checked_commit_ = checker_.committed();
  check_candidates();
}

void Cluster::check_candidates() {
  std::vector<CopyView> views;
  for (const auto& node : nodes_) views.push_back(node->view());
  checker_.check_candidates(coordinator_.config(), views);
}

void Cluster::check_end() {
  std::vector<const MailState*> states;
  for (const auto& node : nodes_)
    if (coordinator_.config().in_isr(node->copy())) states.push_back(&node->mail());
  std::map<Guid, std::size_t> wanted;
  std::map<std::uint64_t, std::vector<bool>> queue;
  for (const auto& client : clients_) {
    wanted.insert(client->wanted().begin(), client->wanted().end());
    queue.insert(client->queue().begin(), client->queue().end());
  }
  checker_.check_end(states, wanted);
  // P8. Each recipient of each entry is done or not, as it was answered.
  std::map<std::uint64_t, std::vector<bool>> kept;
  for (const auto& entry : *states.front()->reader()->queue(0, 100'000))
    kept[entry.queue_id] = entry.done;
  if (kept != queue) throw Failure("P8", "the queue is not what was answered");
}

void Cluster::heal() {
  calm_ = true;
  coordinator_.heal();
  for (auto& row : links_)
    for (Link& link : row) link.cut = false;
  for (const auto& node : nodes_) {
    node->set_slow_disk(Micros{0}, Micros{0});
    if (!node->is_up()) node->start();
    node->happen(CoordinatorState{true});
  }
}

// ---- the run

void Cluster::start() {
  for (const auto& node : nodes_) node->start();
}
void Cluster::start_clients() {
  for (const auto& client : clients_) client->run();
}
void Cluster::stop_clients() {
  for (const auto& client : clients_) client->stop();
}
bool Cluster::clients_idle() const {
  return std::ranges::all_of(clients_, [](const auto& client) { return client->idle(); });
}

void Cluster::run() {
  start();
  for (const Fault& fault : plan_.faults) at(fault.at, [this, &fault] { strike(fault); });
  start_clients();
  timeline_.run(plan_.chaos_time);
  finish();
}

void Cluster::finish() {
  loses = nullptr;
  loses_reply = nullptr;
  heal();
  stop_clients();
  run_until(kSettleTime, "an operation does not end although everything is healed",
            [this] { return clients_idle(); });
  run_until(kSettleTime, "there is no open primary", [this] { return primary() != nullptr; });
  run_until(kSettleTime, "copies in the ISR do not come together", [this] {
    return primary() && std::ranges::all_of(nodes_, [&](const auto& node) {
             if (!coordinator_.config().in_isr(node->copy())) return true;
             return node->is_up() && node->mail().applied() == primary()->core()->log.end.lsn;
           });
  });
  check_end();
}

}  // namespace everpost::simulation
