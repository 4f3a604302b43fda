#include "tests/simulation/mutations.h"

#include <array>

#include "tests/simulation/run.h"

namespace everpost::simulation {
namespace {

constexpr std::array kBugs = {
    Bug::kCommitWithoutUnion,  Bug::kCountAnyAck,     Bug::kOpenEarly,
    Bug::kLateReadJoins,       Bug::kConfirmAnyEpoch, Bug::kPollWithoutFence,
    Bug::kZombieClearsSuspect, Bug::kExtendEarly,     Bug::kSuspectTakesOver,
    Bug::kAckBeforeSync,       Bug::kShrinkBelowMin,  Bug::kRestartResumesEpoch,
    Bug::kForgetEpoch,         Bug::kCountIsrOnly,    Bug::kTruncateOnMidCrc,
    Bug::kReplyBeforeApply,    Bug::kRetrySync,       Bug::kForgetOps,
    Bug::kSkipCommand};

}  // namespace

std::span<const Bug> all_bugs() { return kBugs; }

std::optional<Caught> catch_bug(Bug bug, std::uint64_t first, std::uint64_t limit) {
  for (std::uint64_t seed = first; seed < first + limit; ++seed) {
    Plan plan = make_plan(seed);
    plan.bug = bug;
    if (auto outcome = run(plan); outcome.failure)
      return Caught{seed - first + 1, *std::move(outcome.failure)};
  }
  return std::nullopt;
}

}  // namespace everpost::simulation
