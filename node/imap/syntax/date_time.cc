#include "node/imap/syntax/date_time.h"

#include <array>

#include "node/imap/syntax/ascii.h"

namespace everpost::node::imap {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

class Digits {
 public:
  explicit Digits(std::string_view text) : rest_(text) {}

  // A number of `least` to `most` digits.
  int number(std::size_t least, std::size_t most) {
    int value = 0;
    std::size_t count = 0;
    for (; count < most && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; ++count) {
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    if (count < least) ok_ = false;
    return value;
  }
  unsigned month() {
    for (unsigned m = 0; m < kMonths.size(); ++m) {
      if (!starts_no_case(rest_, kMonths[m])) continue;
      rest_.remove_prefix(3);
      return m + 1;
    }
    ok_ = false;
    return 1;
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ &= take(c); }
  bool done() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<std::chrono::sys_days> day_of(Digits& digits) {
  const int day = digits.number(1, 2);
  digits.expect('-');
  const unsigned month = digits.month();
  digits.expect('-');
  const int year = digits.number(4, 4);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!digits.ok() || !date.ok()) return std::nullopt;
  return std::chrono::sys_days{date};
}

}  // namespace

std::optional<std::chrono::sys_days> parse_date(std::string_view text) {
  Digits digits(text);
  const auto day = day_of(digits);
  return digits.done() ? day : std::nullopt;
}

std::optional<WallTime> parse_date_time(std::string_view text) {
  Digits digits(text);
  digits.take(' ');  // date-day-fixed: a day below 10 has a space in front
  const auto day = day_of(digits);
  digits.expect(' ');
  const int hour = digits.number(2, 2);
  digits.expect(':');
  const int minute = digits.number(2, 2);
  digits.expect(':');
  const int second = digits.number(2, 2);
  digits.expect(' ');
  const int sign = digits.take('-') ? -1 : 1;
  if (sign > 0) digits.expect('+');
  const int zone_hour = digits.number(2, 2);
  const int zone_minute = digits.number(2, 2);
  if (!day || !digits.done()) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60 || zone_minute > 59) return std::nullopt;

  using namespace std::chrono;
  const auto zone = sign * (hours{zone_hour} + minutes{zone_minute});
  const auto at = *day + hours{hour} + minutes{minute} + seconds{second} - zone;
  return WallTime{duration_cast<microseconds>(at.time_since_epoch()).count()};
}

}  // namespace everpost::node::imap
