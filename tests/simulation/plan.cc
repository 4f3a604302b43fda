#include "tests/simulation/plan.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "tests/simulation/rng.h"

namespace everpost::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Fault::Kind;

constexpr std::array kKinds = {
    Kind::kCrash,       Kind::kPowerLoss,      Kind::kLie,         Kind::kWipe,
    Kind::kDamage,      Kind::kSyncError,      Kind::kSlowDisk,    Kind::kPause,
    Kind::kFreeze,      Kind::kCutOneWay,      Kind::kCutBothWays, Kind::kIsolate,
    Kind::kClog,        Kind::kCutCoordinator, Kind::kReset,       Kind::kCoordinatorDown,
    Kind::kTransfer,    Kind::kStop,           Kind::kPlacement,   Kind::kDeafPrimary,
    Kind::kMutePrimary, Kind::kLateAcks,       Kind::kZombie,      Kind::kForgetful};

const char* name(Kind kind) {
  switch (kind) {
    case Kind::kCrash:
      return "crash";
    case Kind::kPowerLoss:
      return "power loss";
    case Kind::kLie:
      return "power loss, lying disk";
    case Kind::kWipe:
      return "wiped disk";
    case Kind::kDamage:
      return "crash, bad record";
    case Kind::kSyncError:
      return "sync error";
    case Kind::kSlowDisk:
      return "slow disk";
    case Kind::kPause:
      return "pause";
    case Kind::kFreeze:
      return "freeze";
    case Kind::kCutOneWay:
      return "cut one way";
    case Kind::kCutBothWays:
      return "cut both ways";
    case Kind::kClog:
      return "clogged link";
    case Kind::kIsolate:
      return "isolate";
    case Kind::kCutCoordinator:
      return "cut from coordinator";
    case Kind::kReset:
      return "connection reset";
    case Kind::kCoordinatorDown:
      return "coordinator down";
    case Kind::kTransfer:
      return "transfer";
    case Kind::kStop:
      return "clean stop";
    case Kind::kPlacement:
      return "placement";
    case Kind::kDeafPrimary:
      return "trap: deaf primary";
    case Kind::kMutePrimary:
      return "trap: mute primary";
    case Kind::kLateAcks:
      return "trap: late acks";
    case Kind::kZombie:
      return "trap: zombie";
    case Kind::kForgetful:
      return "trap: forgetful suspect";
  }
  return "?";
}

Fault draw(Rng& rng, const std::vector<Kind>& kinds, const Plan& plan) {
  Fault fault;
  fault.at = rng.time(milliseconds{200}, plan.chaos_time);
  fault.kind = kinds[rng.below(kinds.size())];
  fault.node = static_cast<std::uint32_t>(rng.below(plan.nodes));
  fault.other =
      static_cast<std::uint32_t>((fault.node + 1 + rng.below(plan.nodes - 1)) % plan.nodes);
  // Most faults are short; some outlast every timeout.
  fault.time = rng.chance(0.2) ? rng.time(seconds{3}, seconds{12})
                               : rng.exponential(milliseconds{5}, milliseconds{600});
  fault.amount = static_cast<std::uint32_t>(rng.between(1, 40));
  return fault;
}

}  // namespace

std::string to_string(const Fault& fault) {
  return fmt::format("{:>10.6f} s  {:<24} n{} n{}  for {} ms, amount {}",
                     static_cast<double>(fault.at.count()) / 1e6, name(fault.kind), fault.node + 1,
                     fault.other + 1, fault.time.count() / 1000, fault.amount);
}

Plan make_plan(std::uint64_t seed) {
  Rng rng(seed);
  Plan plan;
  plan.seed = seed;
  switch (rng.below(6)) {
    case 0:
      plan.nodes = plan.replicas = plan.isr = 2, plan.min_isr = 1;
      break;
    case 1:
      plan.nodes = 4, plan.replicas = 3, plan.isr = 3, plan.min_isr = 2;
      break;
    case 2:
      plan.nodes = plan.replicas = 4, plan.isr = 3, plan.min_isr = 2;
      break;
    case 3:
      plan.nodes = plan.replicas = 3, plan.isr = 3, plan.min_isr = 1;
      break;
    default:
      break;
  }
  plan.clients = static_cast<std::uint32_t>(rng.between(1, 4));
  plan.think_time = rng.time(milliseconds{2}, milliseconds{120});
  plan.chaos_time = rng.time(seconds{4}, seconds{20});
  const auto sometimes = [&](double most) { return rng.chance(0.5) ? rng.unit() * most : 0; };
  plan.drop = sometimes(0.02);
  plan.duplicate = sometimes(0.02);
  plan.reorder = sometimes(0.05);
  plan.delay_mean = rng.time(Micros{50}, milliseconds{rng.chance(0.1) ? 30 : 2});
  plan.coordinator_mean = rng.time(Micros{200}, milliseconds{rng.chance(0.25) ? 150 : 2});
  plan.cas_unknown = sometimes(0.5);
  plan.watch_loss = sometimes(0.6);
  plan.stale_read = sometimes(0.5);
  plan.slow_sync = sometimes(0.05);
  plan.client_loss = sometimes(0.1);
  plan.clock_drift = sometimes(0.05);
  std::vector<Kind> kinds;
  for (const Kind kind : kKinds)
    if (rng.chance(0.4)) kinds.push_back(kind);
  const std::uint64_t count = kinds.empty() ? 0 : rng.between(1, 30);
  for (std::uint64_t i = 0; i < count; ++i) plan.faults.push_back(draw(rng, kinds, plan));
  std::ranges::sort(plan.faults, {}, &Fault::at);
  return plan;
}

}  // namespace everpost::simulation
