// What the parts of the small world have in common.
#pragma once

#include "tests/simulation/small_world.h"

namespace everpost::simulation::small {

constexpr Micros kNow = std::chrono::seconds{1000};  // always
constexpr Micros kSoon = kNow + Micros{1};           // not due, until a timer fires

inline NodeId id_of(std::uint8_t node) { return NodeId{node + 1u}; }
inline CopyId copy_of(std::uint8_t node) {
  CopyId copy{id_of(node), {}};
  copy.disk[0] = static_cast<std::byte>(node + 1);
  return copy;
}

inline Settings settings() {
  Settings settings;
  settings.rank_delay = Micros{0};
  settings.duel_time = Micros{0};
  return settings;
}

// What a crash leaves of the disk.
struct Survives {
  bool unsynced;   // what is written, not synced
  bool new_meta;   // the meta file that is being written
  bool suspect;    // the power was lost
  bool last_sync;  // else the disk has lied about its last record
};
inline Survives survives(std::uint8_t variant) {
  return {(variant & 1) != 0, (variant & 2) != 0, (variant & 12) != 0, (variant & 8) == 0};
}
}  // namespace everpost::simulation::small
