// A property that does not hold. Thrown through everything; ends the run.
#pragma once

#include <stdexcept>
#include <string>

namespace everpost::simulation {

struct Failure : std::runtime_error {
  Failure(std::string property, const std::string& what)
      : std::runtime_error(property + ": " + what), property(std::move(property)) {}
  std::string property;  // "P1", "I3", ... (docs/hazards.md)
};

inline void require(bool holds, const char* property, const char* what) {
  if (!holds) [[unlikely]]
    throw Failure(property, what);
}

}  // namespace everpost::simulation
