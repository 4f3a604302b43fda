#include "tests/simulation/scenario.h"

#include <cstdlib>
#include <fmt/format.h>
#include <iostream>

#include "tests/simulation/planted.h"

namespace everpost::simulation {

Plan calm_plan() {
  Plan plan;
  plan.clients = 2;
  plan.think_time = milliseconds{5};
  plan.delay_mean = Micros{150};
  plan.coordinator_mean = Micros{500};
  return plan;
}

void Scenario::begin() {
  cluster.start();
  wait(seconds{2}, "a primary opens", [&] { return cluster.primary() != nullptr; });
  a = cluster.primary()->id().value - 1;
  std::vector<std::uint32_t> others;
  for (std::uint32_t i = 0; i < cluster.node_count(); ++i)
    if (i != a) others.push_back(i);
  b = others[0];
  if (others.size() > 1) c = others[1];
  cluster.start_clients();
  clients_go_on(seconds{1});
  run_for(milliseconds{100});
}

std::uint64_t Scenario::answered() {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < cluster.plan().clients; ++i) sum += cluster.client(i).answered();
  return sum;
}

void Scenario::wait_for_primary(std::uint32_t index, Micros limit) {
  wait(limit, "the node leads", [&] { return leads(index); });
}

Micros Scenario::wait_for_takeover(std::uint64_t before, Micros limit) {
  const Micros began = cluster.now();
  wait(limit, "another epoch begins", [&] { return cluster.primary() && epoch() > before; });
  return cluster.now() - began;
}

void Scenario::clients_go_on(Micros limit) {
  std::vector<std::uint64_t> before;
  for (std::uint32_t i = 0; i < cluster.plan().clients; ++i)
    before.push_back(cluster.client(i).answered());
  wait(limit, "clients go on", [&] {
    for (std::uint32_t i = 0; i < before.size(); ++i)
      if (cluster.client(i).answered() < before[i] + 2) return false;
    return true;
  });
}

Micros Scenario::longest_silence(Micros time) {
  const Micros end = cluster.now() + time;
  Micros longest{}, since = cluster.now();
  std::uint64_t before = answered();
  while (cluster.now() < end) {
    run_for(milliseconds{1});
    if (answered() != before) since = cluster.now(), before = answered();
    longest = std::max(longest, cluster.now() - since);
  }
  return longest;
}

void Scenario::quiet() {
  cluster.stop_clients();
  wait(seconds{10}, "operations end", [&] { return cluster.clients_idle(); });
}

void Scenario::isolate(std::uint32_t index) {
  for (std::uint32_t i = 0; i < cluster.node_count(); ++i)
    if (i != index) separate(index, i);
}
void Scenario::rejoin(std::uint32_t index) {
  for (std::uint32_t i = 0; i < cluster.node_count(); ++i)
    if (i != index) join(index, i);
}

void Scenario::cut_coordinator(std::uint32_t index) {
  cluster.coordinator().set_cut(id(index), true);
  node(index).happen(CoordinatorState{false});
}
void Scenario::mend_coordinator(std::uint32_t index) {
  cluster.coordinator().set_cut(id(index), false);
  node(index).happen(CoordinatorState{true});
}

void Scenario::crash_for(std::uint32_t index, Micros time) {
  node(index).crash();
  cluster.after(time, [this, index] { node(index).start(); });
}
void Scenario::lose_power_for(std::uint32_t index, Micros time) {
  node(index).lose_power(0);
  cluster.after(time, [this, index] { node(index).start(); });
}

void Scenario::lose_bad_news_for(std::uint32_t index) {
  cluster.loses = [to = id(index)](NodeId, NodeId receiver, const Message& message) {
    return receiver == to && (std::holds_alternative<Nack>(message.payload) ||
                              std::holds_alternative<Probe>(message.payload));
  };
}

Scenario::Question Scenario::read_at(std::uint32_t index) {
  const Question question{++attempts_, shown()};
  reads_[question.attempt] = question;
  node(index).read({Cluster::kScripted, question.attempt}, Lsn{0});
  return question;
}

Scenario::Question Scenario::propose_at(std::uint32_t index) {
  const Question question{++attempts_, shown()};
  const std::int64_t wall = kWallStart + cluster.now().count();
  storage::MailTxn txn;
  txn.op = {static_cast<std::uint32_t>(wall / 3'600'000'000), Cluster::kScripted, attempts_};
  storage::AddMessage add;
  add.targets.push_back({AccountId{3}, MailboxId{0}});
  txn.commands.emplace_back(std::move(add));
  storage::NewRecord record;
  record.meta = storage::encode(txn);
  record.time = WallTime{wall};
  record.seal();
  node(index).propose({Cluster::kScripted, question.attempt}, std::move(record));
  return question;
}

const Reply* Scenario::reply_to(const Question& question) const {
  for (const Cluster::Heard& heard : cluster.heard())
    if (heard.attempt == question.attempt) return &heard.reply;
  return nullptr;
}

void Scenario::check_reads() {
  std::erase_if(reads_, [&](const auto& entry) {
    const Reply* const reply = reply_to(entry.second);
    if (reply && reply->kind == Reply::Kind::kRead)
      cluster.checker().read(reply->applied, reply->digest, entry.second.shown_before);
    return reply != nullptr;
  });
}

std::string play(const Script& script, Bug bug, Plan plan, std::uint64_t seeds) {
  plan.bug = bug;
  const char* const lines = bug == Bug::kNone ? std::getenv("EVERPOST_TRACE") : nullptr;
  const Planted planted(bug);
  std::string failure;
  for (plan.seed = 1; plan.seed <= seeds && failure.empty(); ++plan.seed) {
    Scenario scenario(plan, lines != nullptr);
    try {
      scenario.begin();
      script(scenario);
      scenario.check_reads();
    } catch (const Failure& found) {
      failure = fmt::format("seed {}, at {} ms: {}", plan.seed,
                            scenario.cluster.now().count() / 1000, found.what());
      if (lines)
        std::cerr << scenario.cluster.trace().tail(std::strtoul(lines, nullptr, 10)) << "\n";
    }
  }
  return failure;
}

}  // namespace everpost::simulation
