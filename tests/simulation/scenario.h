// Scripts: a cluster in which nothing goes wrong but what the script does, at moments it chooses.
//
// A script is played with several seeds: delays differ a little, the story is the same. The test
// plays it once more with a planted bug that it is there to find (mutation.h), so that everybody
// sees that it can fail. EVERPOST_TRACE=200 prints the last 200 lines of the trace of a failure.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "tests/simulation/cluster.h"

namespace everpost::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Fate = SimCoordinator::Fate;

// 3 nodes, all in the ISR, min_isr 2, and 2 busy clients.
Plan calm_plan();

class Scenario {
 public:
  Scenario(const Plan& plan, bool trace) : cluster(plan, trace) {}
  Cluster cluster;

  // The cast: indices of nodes. `a` is the primary when the story begins, `b` the one next in the
  // order of preference, `c` the other one.
  std::uint32_t a = 0, b = 1, c = 2;

  // Starts nodes and clients; returns when all members are in sync and clients are served.
  void begin();
  // Heals, waits for every operation, and compares the copies.
  void finish() { cluster.finish(); }

  // The script says what must be.
  static void must(bool holds, const std::string& what) {
    if (!holds) throw Failure("script", what);
  }

  Node& node(std::uint32_t index) { return cluster.node(index); }
  NodeId id(std::uint32_t index) { return NodeId{index + 1}; }
  const State& core(std::uint32_t index) { return *node(index).core(); }
  bool leads(std::uint32_t index) { return cluster.primary() == &node(index); }
  const ShardConfig& config() { return cluster.coordinator().config(); }
  std::uint64_t epoch() { return config().epoch.value; }
  bool in_isr(std::uint32_t index) { return config().in_isr(node(index).copy()); }
  std::uint64_t answered();  // operations, of all clients
  Lsn shown() { return cluster.checker().shown(); }

  void run_for(Micros time) { cluster.run_for(time); }
  template <class Condition>
  void wait(Micros limit, const char* what, Condition holds) {
    cluster.run_until(limit, what, holds);
  }
  void wait_for_primary(std::uint32_t index, Micros limit);
  // Until there is an open primary in an epoch above `before`; returns how long it took.
  Micros wait_for_takeover(std::uint64_t before, Micros limit);
  // Every client gets two more operations answered.
  void clients_go_on(Micros limit);
  // Runs for `time`; the longest stretch in which no client was answered.
  Micros longest_silence(Micros time);
  // No client has anything under way any more.
  void quiet();

  // ---- what the script does
  void cut(std::uint32_t from, std::uint32_t to) { cluster.cut(from, to, true); }
  void mend(std::uint32_t from, std::uint32_t to) { cluster.cut(from, to, false); }
  void separate(std::uint32_t one, std::uint32_t other) { cut(one, other), cut(other, one); }
  void join(std::uint32_t one, std::uint32_t other) { mend(one, other), mend(other, one); }
  void isolate(std::uint32_t index);
  void rejoin(std::uint32_t index);
  void cut_coordinator(std::uint32_t index);
  void mend_coordinator(std::uint32_t index);
  void crash_for(std::uint32_t index, Micros time);
  void lose_power_for(std::uint32_t index, Micros time);
  // What would tell an old primary that it is one gets lost, until cluster.loses is null again.
  void lose_bad_news_for(std::uint32_t index);
  void hand_over(std::uint32_t from, std::uint32_t to) { node(from).happen(TransferTo{id(to)}); }

  // ---- questions of a client that knows only this node
  struct Question {
    std::uint64_t attempt = 0;
    Lsn shown_before;  // to anybody
  };
  Question read_at(std::uint32_t index);
  Question propose_at(std::uint32_t index);
  const Reply* reply_to(const Question& question) const;
  // Every answer to a read so far was of a state that was the newest at some moment after it was
  // asked.
  void check_reads();

 private:
  std::uint64_t attempts_ = 0;
  std::map<std::uint64_t, Question> reads_;
};

using Script = std::function<void(Scenario&)>;

// Plays it with a few seeds. Empty: it held; otherwise what did not ("seed 3: I3: ...").
std::string play(const Script& script, Bug bug = Bug::kNone, Plan plan = calm_plan(),
                 std::uint64_t seeds = 8);

}  // namespace everpost::simulation
