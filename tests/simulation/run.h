// Running seeds: one, many, and a failing one with ever fewer faults.
#pragma once

#include <optional>
#include <string>

#include "tests/simulation/plan.h"

namespace everpost::simulation {

struct Outcome {
  std::optional<std::string> failure;  // "P1: ...", with the property in front
  std::uint64_t steps = 0;
  std::size_t epochs = 0;
  std::uint64_t answered = 0;
  Micros virtual_time{};
  std::string trace;
};

// Runs a plan to its end. The same plan gives the same outcome.
//   trace_lines   how many lines of the trace are kept
Outcome run(const Plan& plan, std::size_t trace_lines = 0);

// The same failure with as few faults as can be found by leaving some out.
Plan shrink(const Plan& plan);

// Seed, settings and the schedule of faults, for people.
std::string describe(const Plan& plan);

}  // namespace everpost::simulation
