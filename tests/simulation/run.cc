#include "tests/simulation/run.h"

#include <fmt/format.h>

#include "tests/simulation/cluster.h"
#include "tests/simulation/planted.h"

namespace everpost::simulation {

Outcome run(const Plan& plan, std::size_t trace_lines) {
  const Planted planted(plan.bug);
  Outcome outcome;
  Cluster cluster(plan, trace_lines > 0);
  try {
    cluster.run();
  } catch (const Failure& failure) {
    outcome.failure = failure.what();
  }
  outcome.steps = cluster.steps();
  outcome.epochs = cluster.checker().epochs();
  outcome.virtual_time = cluster.now();
  for (std::uint32_t i = 0; i < plan.clients; ++i) outcome.answered += cluster.client(i).answered();
  outcome.trace = cluster.trace().tail(trace_lines);
  return outcome;
}

Plan shrink(const Plan& plan) {
  const auto fails_with = [&](const std::vector<Fault>& faults) {
    Plan candidate = plan;
    candidate.faults = faults;
    return run(candidate).failure.has_value();
  };
  // Delta debugging (Zeller, Hildebrandt 2002), the half of it that removes.
  Plan smallest = plan;
  for (std::size_t size = std::max<std::size_t>(1, plan.faults.size() / 2); size > 0; size /= 2) {
    for (std::size_t from = 0; from < smallest.faults.size();) {
      std::vector<Fault> fewer = smallest.faults;
      const std::size_t to = std::min(from + size, fewer.size());
      fewer.erase(fewer.begin() + static_cast<long>(from), fewer.begin() + static_cast<long>(to));
      if (fails_with(fewer))
        smallest.faults = std::move(fewer);
      else
        from += size;
    }
  }
  return smallest;
}

std::string describe(const Plan& plan) {
  std::string text = fmt::format(
      "seed {}: {} nodes, {} replicas, ISR of {}, min_isr {}, {} clients, chaos for {:.1f} s\n"
      "drop {:.3f}, duplicate {:.3f}, reorder {:.3f}, delay {} us, CAS unknown {:.2f}, watches "
      "lost {:.2f}, stale reads {:.2f}, slow syncs {:.3f}, clients' losses {:.3f}, drift {:.3f}\n",
      plan.seed, plan.nodes, plan.replicas, plan.isr, plan.min_isr, plan.clients,
      static_cast<double>(plan.chaos_time.count()) / 1e6, plan.drop, plan.duplicate, plan.reorder,
      plan.delay_mean.count(), plan.cas_unknown, plan.watch_loss, plan.stale_read, plan.slow_sync,
      plan.client_loss, plan.clock_drift);
  if (plan.bug != Bug::kNone) text += fmt::format("planted bug: {}\n", name_of(plan.bug));
  for (const Fault& fault : plan.faults) text += to_string(fault) + "\n";
  return text;
}

}  // namespace everpost::simulation
