#include "tests/simulation/exhaustive.h"

#include <fmt/format.h>

#include "tests/simulation/failure.h"
#include "tests/simulation/planted.h"
#include "tests/simulation/rng.h"

namespace everpost::simulation {
namespace {

// The small searches of the default ones have fewer states than this.
constexpr std::uint64_t kSmall = 3'000'000;

// Hashes of states, in one array: eight bytes for each state are all that is remembered of it.
class Visited {
 public:
  Visited() : slots_(1 << 16) {}
  std::uint64_t size() const { return size_; }

  bool insert(std::uint64_t hash) {
    hash += hash == 0;  // 0 is a free slot
    if (size_ * 2 >= slots_.size()) grow();
    if (!put(hash)) return false;
    ++size_;
    return true;
  }

 private:
  bool put(std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      if (slots_[at] == hash) return false;
      if (slots_[at] != 0) continue;
      slots_[at] = hash;
      return true;
    }
  }
  void grow() {
    const std::vector<std::uint64_t> before =
        std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2));
    for (const std::uint64_t hash : before)
      if (hash != 0) put(hash);
  }

  std::vector<std::uint64_t> slots_;
  std::uint64_t size_ = 0;
};

struct Level {
  World world;
  std::vector<Move> moves;
  std::size_t next = 0;  // of the moves
};

class Explorer {
 public:
  explicit Explorer(const Search& search) : search_(search), rng_(search.order) {}

  void run() {
    enter(World::make(search_.beginning, search_.budget));
    while (!levels_.empty() && visited_.size() < search_.states_max) {
      Level& level = levels_.back();
      if (level.next == level.moves.size()) {
        levels_.pop_back();
        continue;
      }
      const Move move = level.moves[level.next++];
      ++explored_.transitions;
      enter(level.world.after(move));
    }
    explored_.complete = levels_.empty();
  }
  Explored result() {
    explored_.states = visited_.size();
    return std::move(explored_);
  }
  void fail(const std::string& what) {
    explored_.failure = what;
    for (const Level& level : levels_)
      if (level.next > 0)
        explored_.way.push_back(level.world.describe(level.moves[level.next - 1]));
  }

 private:
  void enter(World world) {
    if (!visited_.insert(world.hash())) return;
    std::vector<Move> moves = world.moves();
    if (search_.order != 0)
      for (std::size_t i = moves.size(); i > 1; --i) std::swap(moves[i - 1], moves[rng_.below(i)]);
    levels_.push_back({std::move(world), std::move(moves)});
    explored_.depth = std::max(explored_.depth, levels_.size());
  }

  const Search& search_;
  Rng rng_;
  Visited visited_;
  std::vector<Level> levels_;
  Explored explored_;
};

}  // namespace

Explored explore(const Search& search) {
  const Planted planted(search.bug);
  Explorer explorer(search);
  try {
    explorer.run();
  } catch (const Failure& failure) {
    explorer.fail(failure.what());
  }
  return explorer.result();
}

std::vector<Search> searches(std::uint64_t states) {
  using enum Beginning;
  // operations, compare-and-sets, crashes, drops, timeouts, unknowns
  std::vector<Search> all = {
      {kJoining, {1, 1, 0, 0, 0, 0}}, {kJoining, {2, 1, 0, 0, 0, 1}},
      {kJoining, {2, 1, 0, 1, 0, 0}}, {kInSync, {1, 1, 0, 1, 0, 0}},
      {kInSync, {1, 1, 0, 0, 1, 0}},
  };
  for (Search& search : all) search.states_max = std::max(states, kSmall);
  for (const std::uint64_t order : {1, 2})
    for (const Beginning beginning : {kInSync, kJoining})
      all.push_back({beginning, {2, 2, 1, 2, 3, 1}, states, order});
  return all;
}

std::string describe(const Search& search) {
  const Budget& budget = search.budget;
  return fmt::format("{:<8} {} operations, {} CAS, {} crashes, {} drops, {} timeouts, {} unknown",
                     to_string(search.beginning), budget.operations, budget.cas, budget.crashes,
                     budget.drops, budget.timeouts, budget.unknowns);
}

std::optional<Explored> explore_all(
    const std::vector<Search>& searches,
    const std::function<void(const Search&, const Explored&)>& tell) {
  for (const Search& search : searches) {
    Explored explored = explore(search);
    if (tell) tell(search, explored);
    if (explored.failure) return explored;
  }
  return std::nullopt;
}

}  // namespace everpost::simulation
