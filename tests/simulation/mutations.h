// The test of the tests: bugs planted in the core, the driver and the disk, each of which has to be
// found.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tests/simulation/plan.h"

namespace everpost::simulation {

// Every bug that can be planted and is found soon.
std::span<const Bug> all_bugs();
// This one takes hundreds of thousands of seeds.
constexpr Bug kRareBug = Bug::kCountSuspect;

struct Caught {
  std::uint64_t seeds = 0;  // that it took
  std::string failure;
};
// Runs seeds from `first` on until one fails, at most `limit`.
std::optional<Caught> catch_bug(Bug bug, std::uint64_t first, std::uint64_t limit);

}  // namespace everpost::simulation
