// As long as one of these lives, this thread's replication cores have the bug, and a broken
// invariant is thrown as a Failure.
#pragma once

#include "tests/simulation/plan.h"

namespace everpost::simulation {

class Planted {
 public:
  explicit Planted(Bug bug);
  ~Planted();
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

}  // namespace everpost::simulation
