#include "tests/simulation/describe.h"

#include <fmt/format.h>

#include "tests/simulation/cluster.h"

namespace everpost::simulation {
namespace {

std::string isr_of(const ShardConfig& config) {
  std::string text;
  for (const CopyId& copy : config.isr) text += (text.empty() ? "" : ",") + to_string(copy.node);
  return "{" + text + "}";
}

struct Details {
  std::string operator()(const Append& m) const {
    return fmt::format(" gen {} seq {} at {} records {} commit {} round {}", m.sync_gen, m.seq,
                       m.prev.lsn.value, m.records.size(), m.commit.value, m.round);
  }
  std::string operator()(const Ack& m) const {
    return fmt::format(" gen {} durable {} round {}{}", m.sync_gen, m.durable.value, m.round,
                       m.suspect ? " SUSPECT" : "");
  }
  std::string operator()(const Nack& m) const {
    return fmt::format(" gen {} reason {} version {}", m.sync_gen, static_cast<int>(m.reason),
                       m.config_version);
  }
  std::string operator()(const Probe& m) const {
    return fmt::format(" gen {} version {}", m.sync_gen, m.config_version);
  }
  std::string operator()(const ProbeReply& m) const {
    return fmt::format(" gen {} durable {} commit {}{}{}", m.sync_gen, m.durable.lsn.value,
                       m.commit.value, m.suspect ? " SUSPECT" : "", m.hole ? " hole" : "");
  }
  std::string operator()(const Sync& m) const {
    return fmt::format(" gen {} cut at {}", m.sync_gen, m.cut.lsn.value);
  }
  std::string operator()(const SyncDone& m) const {
    return fmt::format(" gen {} durable {}", m.sync_gen, m.durable.value);
  }
  std::string operator()(const PreVoteReply& m) const {
    return fmt::format(" age {} reach {}:{}", m.primary_age ? m.primary_age->count() : -1,
                       m.last_epoch.value, m.durable.value);
  }
  std::string operator()(const FencePoll& m) const {
    return fmt::format(" version {}", m.config_version);
  }
  std::string operator()(const FenceReport& m) const {
    return fmt::format(" version {} reach {}:{}", m.config_version, m.last_epoch.value,
                       m.durable.value);
  }
  std::string operator()(const Received& e) const {
    return fmt::format(" {} from n{} epoch {}{}", name_of(e.message.payload),
                       e.message.from.node.value, e.message.epoch.value,
                       std::visit(*this, e.message.payload));
  }
  std::string operator()(const ConfigSeen& e) const {
    return fmt::format(" version {} epoch {} primary {} isr {}", e.version, e.config.epoch.value,
                       e.config.primary.value, isr_of(e.config));
  }
  std::string operator()(const CasDone& e) const {
    return fmt::format(" outcome {} version {}", static_cast<int>(e.outcome), e.version);
  }
  std::string operator()(const ConfigVerified& e) const {
    return fmt::format(" version {} {}", e.version, e.still ? "still" : "not");
  }
  std::string operator()(const CoordinatorState& e) const { return e.up ? " up" : " down"; }
  std::string operator()(const PeerLost& e) const { return fmt::format(" n{}", e.peer.value); }
  std::string operator()(const Persisted& e) const { return fmt::format(" {}", e.end.value); }
  std::string operator()(const Applied& e) const { return fmt::format(" {}", e.lsn.value); }

  std::string operator()(const Send& e) const {
    return fmt::format(" {} to n{} epoch {}{}", name_of(e.message.payload), e.to.value,
                       e.message.epoch.value, std::visit(*this, e.message.payload));
  }
  std::string operator()(const Persist& e) const {
    return fmt::format(" {}..{}", e.records.front()->header.lsn.value,
                       e.records.back()->header.end().value);
  }
  std::string operator()(const Truncate& e) const { return fmt::format(" at {}", e.at.lsn.value); }
  std::string operator()(const SaveMeta& e) const {
    return fmt::format(" epoch {} fence {}{}", e.meta.epoch.value, e.meta.fence_version,
                       e.meta.suspect ? " SUSPECT" : "");
  }
  std::string operator()(const Cas& e) const {
    return fmt::format(" {} version {} epoch {} primary {} isr {}", to_string(e.kind), e.version,
                       e.config.epoch.value, e.config.primary.value, isr_of(e.config));
  }
  std::string operator()(const Commit& e) const { return fmt::format(" {}", e.up_to.value); }
  std::string operator()(const Accepted& e) const { return fmt::format(" at {}", e.lsn.value); }
  std::string operator()(const Closed& e) const { return fmt::format(": {}", e.why); }
  std::string operator()(const Note& e) const { return fmt::format(": {}", e.text); }
  std::string operator()(const Fail& e) const { return fmt::format(": {}", to_string(e.why)); }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

}  // namespace

std::string describe(const Event& event) {
  return std::string(name_of(event)) + std::visit(Details{}, event);
}

std::string state_line(const State& core) {
  return fmt::format("[{} e{} end {} durable {} commit {}]", to_string(core.role),
                     core.meta.epoch.value, core.log.end.lsn.value, core.log.durable.lsn.value,
                     core.commit.value);
}

void describe_before(Cluster& cluster, const State& core, const Event& event) {
  if (!cluster.trace().on() || std::holds_alternative<Tick>(event)) return;
  cluster.trace_line(core.self.copy.node, [&] { return state_line(core) + " " + describe(event); });
}

void describe_after(Cluster& cluster, const State& core, const std::string& before) {
  if (!cluster.trace().on()) return;
  std::string after = state_line(core);
  if (after != before)
    cluster.trace_line(core.self.copy.node, [&] { return "    -> " + std::move(after); });
}

void describe_effect(Cluster& cluster, NodeId node, const Effect& effect) {
  if (!cluster.trace().on()) return;
  cluster.trace_line(node, [&] {
    return fmt::format("    => {}{}", name_of(effect), std::visit(Details{}, effect));
  });
}

}  // namespace everpost::simulation
