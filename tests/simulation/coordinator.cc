#include "tests/simulation/coordinator.h"

#include "cluster/coordinator/transition.h"

namespace everpost::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr Micros kStaleMax = seconds{10};
constexpr Micros kNoAnswer = milliseconds{300};
}  // namespace

SimCoordinator::SimCoordinator(Timeline& timeline, Rng rng, const Plan& plan, ShardConfig first)
    : timeline_(timeline), rng_(rng), plan_(plan), config_(std::move(first)) {}

void SimCoordinator::set_cut(NodeId node, bool cut) {
  if (cut)
    cut_.insert(node);
  else
    cut_.erase(node);
}

std::vector<ShardConfig> SimCoordinator::under_way() const {
  std::vector<ShardConfig> configs;
  for (const auto& [nonce, cas] : under_way_)
    if (cas.version == version_) configs.push_back(cas.config);
  return configs;
}

bool SimCoordinator::try_store(const CopyId& actor, const Cas& cas) {
  under_way_.erase(cas.config.nonce);
  if (cas.version != version_) return false;
  store(cas.config, actor, cas.kind);
  return true;
}

void SimCoordinator::store(const ShardConfig& config, const CopyId& actor, Transition kind) {
  if (const auto legal = check_transition(config_, config, actor, kind); !legal)
    throw Failure("I12", legal.error().context);
  const ShardConfig before = config_;
  past_.push_back({timeline_.now(), config_, version_});
  config_ = config;
  ++version_;
  if (changed) changed(before, kind, actor);
}

void SimCoordinator::rewind() {
  config_ = past_.back().config;
  version_ = past_.back().version;
  past_.pop_back();
}

void SimCoordinator::cas(const CopyId& from, const Cas& cas, Answer answer) {
  under_way_.emplace(cas.config.nonce, cas);
  timeline_.after(way(), [this, from, cas, answer = std::move(answer)] {
    const auto say = [&](CasDone::Outcome outcome, Micros delay) {
      timeline_.after(delay, [answer, done = CasDone{cas.config.nonce, outcome, cas.version + 1}] {
        answer(done);
      });
    };
    bool lost = !calm_ && rng_.chance(plan_.cas_unknown);
    if (!reachable(from.node)) {
      under_way_.erase(cas.config.nonce);
      return say(CasDone::Outcome::kUnknown, kNoAnswer);
    }
    std::pair fate{static_cast<Fate>(lost ? rng_.below(3) : 0), Micros{}};
    if (const auto script = scripted_.extract({from.node, cas.kind}); !calm_ && script)
      lost = true, fate = script.mapped();
    if (!lost) {
      const bool stored = try_store(from, cas);
      return say(stored ? CasDone::Outcome::kStored : CasDone::Outcome::kConflict, way());
    }
    // Nobody learns what became of it: not stored, stored, or stored later.
    switch (fate.first) {
      case Fate::kNotStored:
        under_way_.erase(cas.config.nonce);
        break;
      case Fate::kStored:
        try_store(from, cas);
        break;
      case Fate::kStoredLater:
        if (fate.second == Micros{}) fate.second = rng_.time(Micros{1}, seconds{3});
        timeline_.after(fate.second, [this, from, cas] { try_store(from, cas); });
    }
    say(CasDone::Outcome::kUnknown, kNoAnswer);
  });
}

void SimCoordinator::read(NodeId from, Answer answer) {
  timeline_.after(way(), [this, from, answer = std::move(answer)] {
    if (!reachable(from)) return;
    ConfigSeen seen{config_, version_};
    if (!calm_ && !past_.empty() && rng_.chance(plan_.stale_read)) {
      const Past& past =
          past_[past_.size() - 1 - rng_.below(std::min<std::size_t>(4, past_.size()))];
      if (timeline_.now() - past.until < kStaleMax) seen = {past.config, past.version};
    }
    timeline_.after(way(), [answer, seen = std::move(seen)] { answer(seen); });
  });
}

void SimCoordinator::verify(NodeId from, const VerifyConfig& verify, Answer answer) {
  timeline_.after(way(), [this, from, verify, answer = std::move(answer)] {
    const bool answered = reachable(from) && (calm_ || !rng_.chance(plan_.cas_unknown));
    const ConfigVerified verified{verify.token, verify.version,
                                  answered && verify.version == version_};
    Micros delay = answered ? way() : kNoAnswer;
    if (const auto script = slow_answers_.extract(from)) delay = script.mapped();
    timeline_.after(delay, [answer, verified] { answer(verified); });
  });
}

}  // namespace everpost::simulation
