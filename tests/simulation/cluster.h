// A whole cluster: nodes, network, coordinator, clients, and the checker that watches them.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "tests/simulation/checker.h"
#include "tests/simulation/client.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/node.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/timeline.h"

namespace everpost::simulation {

constexpr std::int64_t kWallStart = 1'800'000'000'000'000;  // January 2027, in microseconds

class Cluster {
 public:
  Cluster(Plan plan, bool trace);

  // The whole plan: chaos, then everything is healed, every operation must end (P12), and the
  // copies must be one. Throws Failure.
  void run();

  // ---- for scenarios
  void start();  // nodes and coordinator, without clients
  void run_for(Micros time) { timeline_.run(timeline_.now() + time); }
  // Runs until `holds`; fails with P12 if it takes longer than `limit`.
  template <class Condition>
  void run_until(Micros limit, const char* what, Condition holds) {
    const Micros end = timeline_.now() + limit;
    while (!holds()) {
      if (timeline_.now() >= end) throw Failure("P12", what);
      timeline_.run(timeline_.now() + Micros{1000});
    }
  }
  Node& node(std::uint32_t index) { return *nodes_[index]; }
  Node* primary();  // the open one, if there is one
  std::uint32_t node_count() const { return static_cast<std::uint32_t>(nodes_.size()); }
  Client& client(std::uint32_t index) { return *clients_[index]; }
  void start_clients();
  void stop_clients();
  bool clients_idle() const;
  void cut(std::uint32_t from, std::uint32_t to, bool cut);
  void cut_for(std::uint32_t from, std::uint32_t to, Micros time);
  void clog(std::uint32_t from, std::uint32_t to, Micros time);  // held back, in order
  void cut_from_coordinator(std::uint32_t index, Micros time);
  void reset(std::uint32_t a, std::uint32_t b);
  // Power loss of a disk that lied about the last `records`; false if that is more than is
  // promised to be survived now.
  bool lie(std::uint32_t index, std::size_t records, Micros down);
  void heal();
  // Heals everything; every operation must end (P12), and the copies must be one.
  void finish();
  // Which messages of nodes, and which answers to clients, get lost; nothing: none.
  std::function<bool(NodeId from, NodeId to, const Message&)> loses;
  std::function<bool(const Call&, const Reply&)> loses_reply;
  // Answers to calls that a scenario made itself, as kScripted.
  static constexpr std::uint32_t kScripted = 1000;
  struct Heard {
    std::uint64_t attempt = 0;
    NodeId from;
    Reply reply;
  };
  const std::vector<Heard>& heard() const { return heard_; }
  void strike(const Fault& fault);
  // All that was acknowledged is there once, and all copies are equal.
  void check_end();

  // ---- for its parts
  const Plan& plan() const { return plan_; }
  Rng& rng() { return rng_; }
  Micros now() const { return timeline_.now(); }
  void at(Micros when, Timeline::Action action) { timeline_.at(when, std::move(action)); }
  void after(Micros delay, Timeline::Action action) { timeline_.after(delay, std::move(action)); }
  SimCoordinator& coordinator() { return coordinator_; }
  Checker& checker() { return checker_; }
  bool is_calm() const { return calm_; }
  Uuid new_disk_id();
  void send(NodeId from, NodeId to, Message message);
  void connections_break(NodeId node);  // its process has ended
  void announce(NodeId primary);        // to the clients
  void reply(const Call& call, Reply reply, NodeId from);
  void check_step(const Node& node);
  void check_candidates();
  void count_step() { ++steps_; }
  std::uint64_t steps() const { return steps_; }

  Trace& trace() { return trace_; }
  template <class Line>
  void trace_line(NodeId node, Line line) {
    if (trace_.on()) trace_.say(now(), "n" + to_string(node) + " " + line());
  }

 private:
  Micros delay();
  void lost_connection(NodeId a, NodeId b);
  void watch_fires();
  bool may_lose_power(const Node& node) const;
  bool may_lose_data(const Node& node, Fault::Kind kind) const;
  void refresh_lossy();

  const Plan plan_;
  Trace trace_;
  Timeline timeline_;
  Rng rng_;
  bool calm_ = false;
  std::uint64_t steps_ = 0;
  std::uint64_t disks_ = 0;
  Checker checker_;
  std::vector<std::unique_ptr<Node>> nodes_;
  SimCoordinator coordinator_;
  std::vector<std::unique_ptr<Client>> clients_;

  struct Link {
    bool cut = false;
    Micros clogged_until{};
    Micros last{};  // arrival of the newest message
  };
  std::array<std::array<Link, 8>, 8> links_{};
  // Copies that have lost something and are not back in sync: never more than the protocol
  // promises to survive (min_isr - 1).
  std::set<NodeId> lossy_;
  std::vector<Heard> heard_;
  Lsn checked_commit_;
};

}  // namespace everpost::simulation
