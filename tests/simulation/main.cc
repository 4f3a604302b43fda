// everpost-sim: whole clusters of replication cores in one thread, with every fault that the
// protocol promises to survive. docs/replication.md, "Simulation".
#include <CLI/CLI.hpp>
#include <chrono>
#include <fmt/format.h>
#include <iostream>

#include "tests/simulation/exhaustive.h"
#include "tests/simulation/mutations.h"
#include "tests/simulation/run.h"

namespace everpost::simulation {
namespace {

struct Options {
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 100, first_seed = 1;
  std::string bug = "none";
  std::size_t trace_lines = 200;
  bool shrink = false;
  bool bugs = false;
  bool exhaustive = false;
  std::uint64_t states = 300'000;
};

Bug bug_named(const std::string& name) {
  if (name == name_of(Bug::kNone)) return Bug::kNone;
  for (const Bug bug : all_bugs())
    if (name == name_of(bug)) return bug;
  if (name == name_of(kRareBug)) return kRareBug;
  throw std::runtime_error("no bug is called \"" + name + "\"; --bugs lists them all");
}

// How many seeds each planted bug takes, from several starting points.
int catch_bugs(const Options& options) {
  constexpr std::uint64_t kTries = 5, kApart = 100'000;
  int missed = 0;
  for (const Bug bug : all_bugs()) {
    std::vector<std::uint64_t> seeds;
    std::string failure;
    for (std::uint64_t i = 0; i < kTries; ++i) {
      const auto caught = catch_bug(bug, options.first_seed + i * kApart, options.seeds);
      seeds.push_back(caught ? caught->seeds : options.seeds + 1);
      if (caught) failure = caught->failure;
      if (!caught) ++missed;
    }
    std::ranges::sort(seeds);
    std::cout << fmt::format("{:<24} median {:>6}, {} to {} seeds   {:.60}\n", name_of(bug),
                             seeds[kTries / 2], seeds.front(), seeds.back(), failure)
              << std::flush;
  }
  return missed == 0 ? 0 : 1;
}

// Tells everything about a failing seed: what was planned, the end of its trace, fewer faults.
void report(const Plan& plan, const Options& options) {
  const Outcome again = run(plan, options.trace_lines);
  std::cout << again.trace << "\nFAILED " << again.failure.value_or("(not again?)") << "\n"
            << describe(plan);
  if (!options.shrink) return;
  const Plan smallest = shrink(plan);
  const Outcome outcome = run(smallest, options.trace_lines);
  std::cout << "\nShrunk to " << smallest.faults.size() << " faults:\n"
            << outcome.trace << "\nFAILED " << outcome.failure.value_or("") << "\n"
            << describe(smallest);
}

int simulate(const Options& options) {
  const Bug bug = bug_named(options.bug);
  const std::uint64_t first = options.seed.value_or(options.first_seed);
  const std::uint64_t count = options.seed ? 1 : options.seeds;
  const auto started = std::chrono::steady_clock::now();
  auto told = started;
  std::uint64_t steps = 0, answered = 0, epochs = 0;
  double hours = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Plan plan = make_plan(seed);
    plan.bug = bug;
    const Outcome outcome = run(plan, options.seed ? options.trace_lines : 0);
    steps += outcome.steps;
    answered += outcome.answered;
    epochs += outcome.epochs;
    hours += static_cast<double>(outcome.virtual_time.count()) / 3.6e9;
    if (outcome.failure) {
      report(plan, options);
      std::cout << fmt::format("\nafter {} seeds; replay with: everpost-sim --seed {}{}\n",
                               seed - first + 1, seed,
                               bug == Bug::kNone ? "" : " --bug " + options.bug);
      return 1;
    }
    if (options.seed) std::cout << outcome.trace << "\n" << describe(plan);
    const auto now = std::chrono::steady_clock::now();
    if (now - told > std::chrono::seconds{5}) {
      told = now;
      std::cerr << fmt::format("\r{} seeds, {} steps ", seed - first + 1, steps) << std::flush;
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::cout << fmt::format(
      "\r{} seeds held: {} steps in {:.1f} s ({:.0f}/s), {} operations answered, {} epochs, {:.1f} "
      "virtual hours\n",
      count, steps, seconds, static_cast<double>(steps) / seconds, answered, epochs, hours);
  return 0;
}

// All that can happen within small budgets, and as much as can be seen of larger ones.
int search(const Options& options) {
  std::vector<Search> all = searches(options.states);
  for (Search& one : all) one.bug = bug_named(options.bug);
  auto started = std::chrono::steady_clock::now();
  const auto failed = explore_all(all, [&](const Search& one, const Explored& explored) {
    const auto now = std::chrono::steady_clock::now();
    std::cout << fmt::format(
                     "{}: {} states, {} transitions, ways of up to {} moves, {:.1f} s, {}\n",
                     describe(one), explored.states, explored.transitions, explored.depth,
                     std::chrono::duration<double>(now - started).count(),
                     explored.failure    ? "FAILED"
                     : explored.complete ? "complete"
                                         : "bound hit")
              << std::flush;
    started = now;
  });
  if (!failed) return 0;
  for (const std::string& move : failed->way) std::cout << "  " << move << "\n";
  std::cout << "FAILED " << *failed->failure << "\n";
  return 1;
}

}  // namespace
}  // namespace everpost::simulation

int main(int argc, char** argv) {
  using namespace everpost::simulation;
  Options options;
  CLI::App app{"Runs simulated clusters with faults, and checks that nothing is lost or doubled."};
  app.add_option("--seed", options.seed, "replay one seed, with the end of its trace");
  app.add_option("--seeds", options.seeds, "how many to run")->capture_default_str();
  app.add_option("--first-seed", options.first_seed, "the first of them")->capture_default_str();
  app.add_option("--bug", options.bug, "plant a bug, to see it found")->capture_default_str();
  app.add_option("--trace", options.trace_lines, "lines of trace to print")->capture_default_str();
  app.add_flag("--bugs", options.bugs, "plant every bug in turn; --seeds is the limit for each");
  app.add_flag("--shrink", options.shrink, "look for fewer faults with the same end");
  app.add_flag("--exhaustive", options.exhaustive, "every interleaving of a small cluster instead");
  app.add_option("--states", options.states, "where a search that is too large ends")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.exhaustive) return search(options);
    return options.bugs ? catch_bugs(options) : simulate(options);
  } catch (const std::exception& error) {
    std::cerr << "everpost-sim: " << error.what() << "\n";
    return 2;
  }
}
