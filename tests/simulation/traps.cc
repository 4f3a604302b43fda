#include "tests/simulation/traps.h"

#include "tests/simulation/cluster.h"

namespace everpost::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Fault::Kind;

struct Cast {
  std::uint32_t primary, successor, other;
};

// Hears nothing for a while, neither from the others nor from the coordinator, and then everything
// at once; soon it is not heard either. Answers that were on their way belong to another time when
// they arrive.
void deafen(Cluster& cluster, const Cast& cast, Micros time) {
  cluster.cut_from_coordinator(cast.primary, time + seconds{1});
  for (std::uint32_t i = 0; i < cluster.node_count(); ++i) {
    if (i == cast.primary) continue;
    cluster.clog(i, cast.primary, time);
    cluster.after(milliseconds{60}, [&cluster, cast, i, time] {
      if (!cluster.is_calm()) cluster.cut_for(cast.primary, i, time);
    });
  }
}

// Neither hears nor is heard; when the links are back, it still has not heard of its successor.
void mute(Cluster& cluster, const Cast& cast, Micros time) {
  for (std::uint32_t i = 0; i < cluster.node_count(); ++i) {
    if (i == cast.primary) continue;
    cluster.cut_for(i, cast.primary, time);
    cluster.cut_for(cast.primary, i, time);
  }
  cluster.cut_from_coordinator(cast.primary, time + seconds{1});
}

// Acknowledgements to the primary are held back while it loses its place and gets it again.
void hold_acks(Cluster& cluster, const Cast& cast, Micros time) {
  cluster.clog(cast.other, cast.primary, time);
  const auto hand_over = [&cluster](std::uint32_t to) {
    for (std::uint32_t i = 0; i < cluster.node_count(); ++i)
      cluster.node(i).happen(TransferTo{NodeId{to + 1}});
  };
  cluster.after(time / 10, [&cluster, cast, hand_over] {
    // What the primary has sent to the successor last is lost with this.
    cluster.node(cast.primary).pause(milliseconds{500});
    hand_over(cast.successor);
  });
  cluster.after(time / 2, [hand_over, cast] { hand_over(cast.primary); });
}

// The other acknowledges a tail that the successor does not have, and its acknowledgements are
// late: they arrive when the tail has been cut in the successor's epoch and the first primary leads
// again (ClientsScenario.AcknowledgementsOfAnEarlierEpochDoNotCount, with chance in it).
void outdate_acks(Cluster& cluster, const Cast& cast, const Fault& fault) {
  const auto primary = cast.primary, successor = cast.successor, other = cast.other;
  const Micros deposed = milliseconds{750}, back = milliseconds{1000};
  const Micros late = back + fault.time % milliseconds{400};
  cluster.cut_from_coordinator(primary, deposed);
  cluster.cut_from_coordinator(other, deposed);
  cluster.cut_for(primary, successor, deposed);
  cluster.cut_for(successor, primary, deposed);
  cluster.clog(other, primary, late);
  cluster.after(milliseconds{20} + fault.time % milliseconds{200},
                [&cluster, primary, other, deposed] {
                  if (!cluster.is_calm()) cluster.cut_for(primary, other, deposed);
                });
  cluster.after(back - milliseconds{100}, [&cluster, primary, other, late] {
    if (cluster.is_calm()) return;
    cluster.node(other).set_slow_disk(cluster.now() + late, milliseconds{400});
    for (std::uint32_t i = 0; i < cluster.node_count(); ++i)
      cluster.node(i).happen(TransferTo{NodeId{primary + 1}});
  });
}

// The primary is cut off until it has a successor. Then one copy that follows the successor
// restarts, perhaps with less than it had, and for a while has contact with the old primary only.
void raise_zombie(Cluster& cluster, const Cast& cast, const Fault& fault, bool lies) {
  const Micros first = seconds{1} + fault.time / 4;
  const Micros whole = first + seconds{3};
  mute(cluster, cast, first);
  cluster.cut_from_coordinator(cast.primary, whole);
  cluster.cut_for(cast.primary, cast.successor, whole);
  cluster.cut_for(cast.successor, cast.primary, whole);
  cluster.after(first - milliseconds{20},
                [&cluster, cast, whole, first, amount = fault.amount, lies] {
                  if (cluster.is_calm()) return;
                  cluster.cut_from_coordinator(cast.other, whole - first);
                  cluster.cut_for(cast.other, cast.successor, whole - first);
                  cluster.cut_for(cast.successor, cast.other, whole - first);
                  if (lies) {
                    cluster.lie(cast.other, amount, milliseconds{30});
                    return;
                  }
                  Node& node = cluster.node(cast.other);
                  node.crash();
                  cluster.after(milliseconds{30}, [&node] { node.start(); });
                });
}

// F1 of docs/hazards.md. One member has acknowledged what another has not received, for a message
// was lost and its complaint is late; then it loses what it acknowledged, and asks around. The
// other, in good faith, reports what it has, and a moment later gets and acknowledges the rest.
void tempt_suspect(Cluster& cluster, const Cast& cast, const Fault& fault) {
  const auto other = cast.other, primary = cast.primary, suspect = cast.successor;
  cluster.cut_from_coordinator(primary, seconds{4});
  cluster.cut_for(primary, other, milliseconds{40});
  cluster.clog(other, primary, milliseconds{430} + fault.time % milliseconds{300});
  cluster.after(milliseconds{60}, [&cluster, primary, suspect, amount = fault.amount] {
    if (cluster.is_calm()) return;
    cluster.cut_for(primary, suspect, seconds{4});
    cluster.cut_for(suspect, primary, seconds{4});
    cluster.lie(suspect, 1 + amount % 3, milliseconds{5});
  });
  // The other one's connection to the primary flaps: it does not vouch for it.
  for (int i = 0; i < 20; ++i)
    cluster.after(milliseconds{440} + milliseconds{15} * i, [&cluster, other, primary] {
      if (!cluster.is_calm()) cluster.node(other).happen(PeerLost{NodeId{primary + 1}});
    });
}

}  // namespace

void set_trap(Cluster& cluster, const Fault& fault) {
  const Node* const primary = cluster.primary();
  if (!primary) return;
  Cast cast{primary->id().value - 1, 0, 0};
  const std::uint32_t count = cluster.plan().replicas;
  const std::uint32_t step = 1 + fault.node % (count - 1);
  cast.successor = (cast.primary + step) % count;
  cast.other = (cast.primary + (count == 2 ? 1 : 1 + step % (count - 1))) % count;
  const Micros time = milliseconds{600} + fault.time / 4;
  switch (fault.kind) {
    case Kind::kDeafPrimary:
      return deafen(cluster, cast, time + milliseconds{800});
    case Kind::kMutePrimary:
      return mute(cluster, cast, time);
    case Kind::kLateAcks:
      return fault.amount % 2 == 0 ? hold_acks(cluster, cast, time)
                                   : outdate_acks(cluster, cast, fault);
    case Kind::kZombie:
      return raise_zombie(cluster, cast, fault, fault.amount % 2 == 0);
    case Kind::kForgetful:
      return tempt_suspect(cluster, cast, fault);
    default:
      return;
  }
}

}  // namespace everpost::simulation
