#include "base/clock.h"

#include <ctime>

namespace everpost {
namespace {

std::int64_t micros_of(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

class SystemClock : public Clock {
 public:
  WallTime wall() const override { return {micros_of(CLOCK_REALTIME)}; }
  Micros steady() const override { return Micros{micros_of(CLOCK_BOOTTIME)}; }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace everpost
