// A cluster in one thread: virtual time, and a queue of what happens when.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/failure.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/rng.h"

namespace everpost::simulation {

// Runs what is due in the order of its time; of equal times in the order of its making.
class Timeline {
 public:
  using Action = std::move_only_function<void()>;
  Micros now() const { return now_; }
  void at(Micros when, Action action);
  void after(Micros delay, Action action) { at(now_ + delay, std::move(action)); }
  // Runs everything up to `until`.
  void run(Micros until);
  std::uint64_t actions() const { return actions_; }

 private:
  struct Due {
    Micros at;
    std::uint64_t order;
    std::uint32_t slot;
    bool operator>(const Due& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  Micros now_{};
  std::uint64_t order_ = 0, actions_ = 0;
  std::vector<Due> heap_;
  std::vector<Action> slots_;
  std::vector<std::uint32_t> free_;
};

// Lines of a trace, if somebody wants to read them.
class Trace {
 public:
  explicit Trace(bool on) : on_(on) {}
  bool on() const { return on_; }
  void say(Micros now, const std::string& line);
  // The last `count` lines.
  std::string tail(std::size_t count) const;

 private:
  const bool on_;
  std::vector<std::string> lines_;
};

}  // namespace everpost::simulation
