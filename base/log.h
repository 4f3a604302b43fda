// Log lines: an event and its fields, one line each, to be read by people and by programs:
//
//   2026-11-24T05:10:11.123456Z info  message accepted shard=3 id=0000000000a3f1c8 from=<a@b.c>
//   size=1042 ms=1.3
//
// Values with spaces, quotes or control characters are quoted; bytes from outside cannot break a
// line. Callable from any thread. A line is written before write() returns, or, while there is a
// Writer, soon: then write() never waits for the disk.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace everpost::log {

enum class Level { kDebug, kInfo, kWarning, kError };

struct Field {
  std::string_view name;
  std::string value;
  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  template <class T>
    requires std::is_integral_v<T>
  Field(std::string_view n, T v) : name(n), value(std::to_string(v)) {}
  Field(std::string_view n, double v);  // three decimals
  template <class Tag, class Rep>
  Field(std::string_view n, Strong<Tag, Rep> v) : name(n), value(std::to_string(v.value)) {}
};
using Fields = std::initializer_list<Field>;

// To `file`, or to stderr if it is empty. Called once at start-up, before threads; again on SIGHUP
// to open the file anew after a rotation. Throws std::runtime_error if the file cannot be opened.
void open(Level level, const std::string& file);
bool enabled(Level level);

// While it lives, a thread of its own writes the lines. At most kLinesMax wait; beyond that lines
// are lost rather than their writers held up, and a line says how many. Warnings and errors have
// kReserve places more. At most one at a time; made after a fork or a change of user.
class Writer {
 public:
  static constexpr std::size_t kLinesMax = 16'384, kReserve = 1024;
  Writer();
  ~Writer();  // writes what waits
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};
// Waits until what was logged before is written: for those about to end the process. False: it is
// not, after `at_most` (the disk of the log may be the one that hangs).
bool flush(std::chrono::milliseconds at_most = std::chrono::seconds{2});

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) {
  if (enabled(Level::kDebug)) write(Level::kDebug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::kInfo, event, fields); }
inline void warning(std::string_view event, Fields fields = {}) {
  write(Level::kWarning, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::kError, event, fields);
}

}  // namespace everpost::log
