#include "node/imap/fetch/internal_date.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace everpost::node::imap {

void append_internal_date(WallTime time, std::string& to) {
  using namespace std::chrono;
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto at = floor<seconds>(sys_time<microseconds>(microseconds(time.micros)));
  const sys_days midnight = floor<days>(at);
  const year_month_day day(midnight);
  const hh_mm_ss clock(at - midnight);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "\"%2u-%s-%04d %02d:%02d:%02d +0000\"",
                static_cast<unsigned>(day.day()), kMonths[static_cast<unsigned>(day.month()) - 1],
                static_cast<int>(day.year()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  to += text.data();
}

}  // namespace everpost::node::imap
