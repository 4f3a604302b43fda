// All that can happen to a small cluster, instead of something that happens to a large one: every
// order of messages, disk writes, answers of the coordinator, time-outs, crashes and losses that a
// budget allows (small_world.h), by depth-first search over states, each visited once. What holds
// here holds for every such run, if the search came to its end.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cluster/replication/mutation.h"
#include "tests/simulation/small_world.h"

namespace everpost::simulation {

struct Search {
  Beginning beginning{};
  Budget budget;
  std::uint64_t states_max = 1'000'000;
  // Which way is tried first. Makes no difference if the search comes to its end; if it does not,
  // other orders see other parts.
  std::uint64_t order = 0;
  Bug bug = Bug::kNone;
};

struct Explored {
  std::uint64_t states = 0;       // different ones
  std::uint64_t transitions = 0;  // between them
  std::size_t depth = 0;          // of the longest way
  bool complete = false;          // all there are
  std::optional<std::string> failure;
  std::vector<std::string> way;  // to the failure, move by move
};
Explored explore(const Search& search);

// What is searched by default: small budgets to their end, then larger ones as far as `states`
// states of each reach.
std::vector<Search> searches(std::uint64_t states);
std::string describe(const Search& search);

// Runs them all, up to the first failure; tells after each.
std::optional<Explored> explore_all(
    const std::vector<Search>& searches,
    const std::function<void(const Search&, const Explored&)>& tell = {});

}  // namespace everpost::simulation
