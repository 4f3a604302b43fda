// Counts and latencies of a load run, and what the server spent on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace everpost::load {

// Latencies in logarithmic buckets, 64 for each doubling: percentiles within 1.1 %, in a fixed 32
// KiB.
class Histogram {
 public:
  void add(std::chrono::nanoseconds latency);
  double percentile_ms(double fraction) const;  // 0.5: the median
  double max_ms() const { return static_cast<double>(max_) / 1e6; }
  std::uint64_t count() const { return count_; }

 private:
  static constexpr int kSteps = 64;
  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(64 * kSteps);
  std::uint64_t count_ = 0, max_ = 0;
};

// One kind of operation ("message", "fetch headers").
struct Operation {
  Histogram latency;
  std::uint64_t bytes = 0;
  std::uint64_t refused = 0;  // replies that say no
  std::map<std::string, std::uint64_t>
      reasons;  // of refusals and lost connections, 20 kinds at most
  void refuse(std::string reason);
};

// What some processes have used so far, from /proc/PID/stat and /proc/PID/io.
struct Usage {
  double cpu_seconds = 0;
  std::uint64_t disk_bytes_written = 0;
};
Usage usage_of(const std::vector<int>& pids);

struct Report {
  std::map<std::string, Operation> operations;
  double seconds = 0;
  std::uint64_t lost_connections = 0;
  bool has_usage = false;
  Usage server;  // during the run
};
// For people: a line for each operation, a line for the server. For programs: one JSON object.
std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace everpost::load
