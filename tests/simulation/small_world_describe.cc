#include <fmt/format.h>

#include "tests/simulation/describe.h"
#include "tests/simulation/small_world_model.h"

namespace everpost::simulation {

using namespace small;
using Kind = Move::Kind;

// ---- for people

std::string World::describe(const Move& move) const {
  const Replica& replica = *replicas_[move.node];
  const auto tell = [&](const Event& event) { return simulation::describe(event); };
  std::string text = fmt::format("n{} ", move.node + 1);
  if (replica.core) {
    const State& core = *replica.core;
    text += fmt::format("[{} e{} end {} durable {} commit {}] ", to_string(core.role),
                        core.meta.epoch.value, core.log.end.lsn.value, core.log.durable.lsn.value,
                        core.commit.value);
  }
  const auto peer = [&](const char* what) {
    return text + fmt::format("{} n{}", what, move.other + 1);
  };
  switch (move.kind) {
    case Kind::kDeliver:
    case Kind::kDrop: {
      const auto& parcel = *links_[move.other][move.node]->front();
      const Event event =
          parcel.message ? Event{Received{*parcel.message}} : Event{PeerLost{id_of(move.other)}};
      return text + (move.kind == Kind::kDrop ? "LOST: " : "") + tell(event);
    }
    case Kind::kPersisted:
      return text + "Persisted";
    case Kind::kTruncated:
      return text + "Truncated";
    case Kind::kMetaSaved:
      return text + "MetaSaved";
    case Kind::kPropose:
      return text + "Propose";
    case Kind::kSeeConfig:
      return text + tell(ConfigSeen{stored_->config, stored_->version});
    case Kind::kDecide:
    case Kind::kLoseAnswer: {
      const Request& request = replica.requests[move.other];
      text += move.kind == Kind::kDecide ? "the coordinator decides " : "hears nothing about ";
      if (!request.cas) return text + "a verification";
      const ConfigSeen asked{request.cas->config, request.cas->version};
      return text + std::string(to_string(request.cas->kind)) + tell(asked);
    }
    case Kind::kAnswer:
      return text + tell(*replica.requests[move.other].answer);
    case Kind::kSuspect:
      return text + "suspects the primary";
    case Kind::kPollOver:
      return text + "waits no longer";
    case Kind::kHeartbeat:
      return peer("heartbeat to");
    case Kind::kProbeAgain:
      return peer("probes again");
    case Kind::kSlow:
      return peer("has not heard for long of");
    case Kind::kReadmit:
      return peer("may take in again");
    case Kind::kRetryCas:
      return text + "proposes again";
    case Kind::kRetryVerify:
      return text + "verifies again";
    case Kind::kCrash: {
      const Survives kept = survives(move.variant);
      return text + fmt::format("CRASH{}{}{}{}", kept.suspect ? " of the machine" : "",
                                kept.last_sync ? "" : ", the disk lied",
                                kept.unsynced ? ", unsynced records kept" : "",
                                kept.new_meta ? ", new meta kept" : "");
    }
    case Kind::kRestart:
      return text + "starts";
  }
  return text;
}

}  // namespace everpost::simulation
