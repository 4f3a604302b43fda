#include "tests/simulation/planted.h"

#include <fmt/format.h>

#include "base/invariant.h"
#include "tests/simulation/failure.h"

namespace everpost::simulation {
namespace {

[[noreturn]] void throw_failure(const char* file, int line, const char* condition,
                                const char* meaning) {
  throw Failure("invariant", fmt::format("{} ({}:{}: {})", meaning, file, line, condition));
}

}  // namespace

Planted::Planted(Bug bug) {
  set_invariant_handler(throw_failure);
  cluster::replication::planted_bug = bug;
}

Planted::~Planted() {
  set_invariant_handler(nullptr);
  cluster::replication::planted_bug = Bug::kNone;
}

}  // namespace everpost::simulation
