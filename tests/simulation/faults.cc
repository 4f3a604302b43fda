// How faults strike. Never more than the protocol promises to survive at once; what it promises is
// written at may_lose_power() and may_lose_data().
#include "tests/simulation/cluster.h"
#include "tests/simulation/traps.h"

namespace everpost::simulation {

using std::chrono::milliseconds;
using Kind = Fault::Kind;

// Copies that have lost something count until they are back in sync.
void Cluster::refresh_lossy() {
  std::erase_if(lossy_, [&](NodeId id) {
    const Node& node = *nodes_[id.value - 1];
    return node.is_up() && !node.is_suspect() && !node.disk().is_damaged() &&
           coordinator_.config().in_isr(node.copy());
  });
}

// A copy that lost power is SUSPECT: without min_isr copies that can be asked nobody may ever lead
// again, by design (D7), until an operator decides.
bool Cluster::may_lose_power(const Node& node) const {
  const auto enough = [&](const ShardConfig& config) {
    std::size_t there = 0;
    for (const auto& one : nodes_) there += config.in_isr(one->copy());
    return !config.in_isr(node.copy()) || there >= config.min_isr;
  };
  return enough(coordinator_.config()) && std::ranges::all_of(coordinator_.under_way(), enough);
}

bool Cluster::may_lose_data(const Node& node, Kind kind) const {
  if (!may_lose_power(node)) return false;
  const ShardConfig& config = coordinator_.config();
  if (kind == Kind::kLie) return lossy_.size() + 1 < config.min_isr;
  if (!lossy_.empty()) return false;
  // Enough others have to be left to take over, however they are restarted.
  const auto enough = [&](const ShardConfig& one) {
    return !one.in_isr(node.id()) || one.isr.size() > one.min_isr;
  };
  return enough(config) && std::ranges::all_of(coordinator_.under_way(), enough);
}

void Cluster::cut_for(std::uint32_t from, std::uint32_t to, Micros time) {
  cut(from, to, true);
  after(time, [this, from, to] { cut(from, to, false); });
}

void Cluster::clog(std::uint32_t from, std::uint32_t to, Micros time) {
  links_[from][to].clogged_until = std::max(links_[from][to].clogged_until, now() + time);
}

void Cluster::cut_from_coordinator(std::uint32_t index, Micros time) {
  Node& node = *nodes_[index];
  coordinator_.set_cut(node.id(), true);
  node.happen(CoordinatorState{false});
  after(time, [this, &node] {
    coordinator_.set_cut(node.id(), false);
    node.happen(CoordinatorState{coordinator_.reachable(node.id())});
  });
}

bool Cluster::lie(std::uint32_t index, std::size_t records, Micros down) {
  Node& node = *nodes_[index];
  refresh_lossy();
  if (!may_lose_data(node, Kind::kLie)) return false;
  lossy_.insert(node.id());
  node.lose_power(records);
  after(down, [&node] { node.start(); });
  return true;
}

void Cluster::strike(const Fault& fault) {
  trace_line(NodeId{0}, [&] { return "FAULT " + to_string(fault); });
  Node& node = *nodes_[fault.node % nodes_.size()];
  Node& other = *nodes_[fault.other % nodes_.size()];
  const std::uint32_t a = node.id().value - 1, b = other.id().value - 1;
  const auto start_later = [&] { after(fault.time, [&node] { node.start(); }); };
  const auto cut_for = [&](std::uint32_t from, std::uint32_t to) {
    Cluster::cut_for(from, to, fault.time);
  };
  refresh_lossy();
  switch (fault.kind) {
    case Kind::kCrash:
      node.crash();
      return start_later();
    case Kind::kPowerLoss:
      if (!may_lose_power(node)) return;
      node.lose_power(0);
      return start_later();
    case Kind::kLie:
      lie(a, fault.amount, fault.time);
      return;
    case Kind::kWipe:
      if (!may_lose_data(node, fault.kind)) return;
      lossy_.insert(node.id());
      node.lose_power(0);
      node.wipe();
      return start_later();
    case Kind::kDamage: {
      const std::size_t records = node.disk().records().size();
      if (records < 3 || !may_lose_data(node, fault.kind)) return;
      lossy_.insert(node.id());
      node.crash();
      const std::size_t left = node.disk().records().size();
      if (left >= 3) node.disk().damage(rng_.below(left - 1));
      return start_later();
    }
    case Kind::kSyncError:
      return node.fail_next_sync();
    case Kind::kSlowDisk:
      return node.set_slow_disk(now() + fault.time, milliseconds{fault.amount * 10});
    case Kind::kPause:
      node.drop_a_command();
      return node.pause(fault.time);
    case Kind::kFreeze:
      return node.freeze(fault.time);
    case Kind::kCutOneWay:
      return cut_for(a, b);
    case Kind::kCutBothWays:
      cut_for(a, b);
      return cut_for(b, a);
    case Kind::kClog:
      return clog(a, b, fault.time);
    case Kind::kIsolate:
      for (std::uint32_t i = 0; i < nodes_.size(); ++i)
        if (i != a) cut_for(a, i), cut_for(i, a);
      return;
    case Kind::kCutCoordinator:
      return cut_from_coordinator(a, fault.time);
    case Kind::kReset:
      return reset(a, b);
    case Kind::kCoordinatorDown:
      coordinator_.set_up(false);
      for (const auto& one : nodes_) one->happen(CoordinatorState{false});
      after(fault.time, [this] {
        coordinator_.set_up(true);
        for (const auto& one : nodes_)
          one->happen(CoordinatorState{coordinator_.reachable(one->id())});
      });
      return;
    case Kind::kTransfer:
      for (const auto& one : nodes_) one->happen(TransferTo{node.id()});
      return;
    case Kind::kStop:
      node.stop();
      return start_later();
    case Kind::kDeafPrimary:
    case Kind::kMutePrimary:
    case Kind::kLateAcks:
    case Kind::kZombie:
    case Kind::kForgetful:
      return set_trap(*this, fault);
    case Kind::kPlacement: {
      ShardConfig next = coordinator_.config();
      std::ranges::rotate(next.replicas, next.replicas.begin() + 1);
      return coordinator_.store(next, CopyId{}, Transition::kPlacement);
    }
  }
}

}  // namespace everpost::simulation
