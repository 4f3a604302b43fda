// What the parts of step() share: the state, the time, and where effects go.
#pragma once

#include <utility>
#include <vector>

#include "base/invariant.h"
#include "cluster/replication/effect.h"
#include "cluster/replication/mutation.h"
#include "cluster/replication/state.h"
#include "cluster/replication/step.h"

namespace everpost::cluster::replication {

struct Context {
  State& state;
  const Now& now;
  std::vector<Effect>& effects;

  template <class E>
  void emit(E effect) {
    effects.emplace_back(std::move(effect));
  }
  void send(NodeId to, Payload payload) {
    effects.emplace_back(Send{to,
                              {state.self.copy, state.self.incarnation, state.meta.lineage,
                               state.meta.epoch, std::move(payload)}});
  }
  void note(std::string_view text, NodeId peer = NodeId{0}, bool alarm = false) {
    effects.emplace_back(Note{text, peer, alarm});
  }
  void fail(Fail::Why why) {
    state.role = Role::kFailed;
    effects.emplace_back(Fail{why});
  }
};

}  // namespace everpost::cluster::replication
