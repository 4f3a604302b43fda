// An index in memory, for the real state machine to work on: a sorted map, and the digest that
// LevelDB's would have.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "storage/index/index.h"

namespace everpost::simulation {

using KeyValues = std::map<std::string, std::string, std::less<>>;

class MapIndex {
 public:
  Lsn applied() const { return applied_; }
  const storage::StateDigest& digest() const { return digest_; }
  std::unique_ptr<storage::IndexTxn> begin();
  // Reads the index as it is at the time of each call.
  std::unique_ptr<storage::IndexView> view() const;
  // Only keys with this prefix go, and nobody is told: a bug for the simulator to find.
  void forget(std::string_view prefix);

 private:
  friend class MapTxn;
  KeyValues values_;
  Lsn applied_;
  storage::StateDigest digest_;
};

}  // namespace everpost::simulation
