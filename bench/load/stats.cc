#include "bench/load/stats.h"

#include <bit>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace everpost::load {
namespace {

// "key: number" of a /proc file.
std::uint64_t field(const std::string& file, const std::string& key) {
  std::ifstream in(file);
  std::string name;
  std::uint64_t value = 0;
  while (in >> name >> value)
    if (name == key) return value;
  return 0;
}

double cpu_seconds(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto after_name = text.rfind(')');  // the name may hold spaces
  if (after_name == std::string::npos) return 0;
  std::istringstream rest(text.substr(after_name + 2));
  std::string skip;
  for (int i = 3; i < 14; ++i) rest >> skip;  // proc(5): utime is the 14th field, stime the 15th
  std::uint64_t user = 0, system = 0;
  rest >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::string line(const char* format, auto... values) {
  char text[400];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

void Histogram::add(std::chrono::nanoseconds latency) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(1, latency.count()));
  const int doubling = std::bit_width(value) - 1;
  const std::uint64_t step =
      doubling >= 6 ? (value >> (doubling - 6)) - 64 : (value << (6 - doubling)) - 64;
  ++buckets_[static_cast<std::size_t>(doubling) * kSteps + step];
  ++count_;
  max_ = std::max(max_, value);
}

double Histogram::percentile_ms(double fraction) const {
  const auto rank = static_cast<std::uint64_t>(fraction * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > rank || (seen == count_ && count_ > 0)) {
      const auto doubling = static_cast<int>(i / kSteps);
      const double step = static_cast<double>(i % kSteps) + 64;
      return std::min(std::ldexp(step, doubling - 6) / 1e6, max_ms());
    }
  }
  return 0;
}

void Operation::refuse(std::string reason) {
  ++refused;
  if (reason.size() > 120) reason.resize(120);
  if (reasons.size() < 20 || reasons.contains(reason)) ++reasons[reason];
}

Usage usage_of(const std::vector<int>& pids) {
  Usage usage;
  for (const int pid : pids) {
    usage.cpu_seconds += cpu_seconds(pid);
    usage.disk_bytes_written += field("/proc/" + std::to_string(pid) + "/io", "write_bytes:");
  }
  return usage;
}

std::string to_text(const Report& report) {
  std::string text;
  std::uint64_t done = 0, bytes = 0;
  for (const auto& [name, op] : report.operations) {
    const auto count = op.latency.count();
    done += count;
    bytes += op.bytes;
    text += line(
        "%-14s %9.1f/s %8.2f MB/s  p50 %.3f ms  p99 %.3f ms  max %.1f ms  (%llu ok, %llu "
        "refused)\n",
        name.c_str(), static_cast<double>(count) / report.seconds,
        static_cast<double>(op.bytes) / report.seconds / 1e6, op.latency.percentile_ms(0.5),
        op.latency.percentile_ms(0.99), op.latency.max_ms(), static_cast<unsigned long long>(count),
        static_cast<unsigned long long>(op.refused));
    for (const auto& [reason, n] : op.reasons)
      text += line("    %llu x %s\n", static_cast<unsigned long long>(n), reason.c_str());
  }
  if (report.lost_connections > 0)
    text +=
        line("lost connections: %llu\n", static_cast<unsigned long long>(report.lost_connections));
  if (report.has_usage && done > 0)
    text += line(
        "server: %.3f ms CPU per operation, %.2f of 1 core busy, %.2f bytes written to disk per "
        "byte\n",
        report.server.cpu_seconds * 1000 / static_cast<double>(done),
        report.server.cpu_seconds / report.seconds,
        bytes > 0
            ? static_cast<double>(report.server.disk_bytes_written) / static_cast<double>(bytes)
            : 0.0);
  return text;
}

std::string to_json(const Report& report) {
  namespace json = boost::json;
  json::object operations;
  std::uint64_t done = 0, bytes = 0;
  for (const auto& [name, op] : report.operations) {
    const auto count = op.latency.count();
    done += count;
    bytes += op.bytes;
    json::object reasons;
    for (const auto& [reason, n] : op.reasons) reasons[reason] = n;
    operations[name] = {{"ok", count},
                        {"refused", op.refused},
                        {"reasons", reasons},
                        {"per_second", static_cast<double>(count) / report.seconds},
                        {"mb_per_second", static_cast<double>(op.bytes) / report.seconds / 1e6},
                        {"p50_ms", op.latency.percentile_ms(0.5)},
                        {"p99_ms", op.latency.percentile_ms(0.99)},
                        {"max_ms", op.latency.max_ms()}};
  }
  json::object root{{"seconds", report.seconds},
                    {"lost_connections", report.lost_connections},
                    {"operations", operations}};
  if (report.has_usage && done > 0)
    root["server"] = {
        {"cpu_ms_per_operation", report.server.cpu_seconds * 1000 / static_cast<double>(done)},
        {"cores_busy", report.server.cpu_seconds / report.seconds},
        {"disk_bytes_written", report.server.disk_bytes_written},
        {"disk_bytes_per_byte", bytes > 0 ? static_cast<double>(report.server.disk_bytes_written) /
                                                static_cast<double>(bytes)
                                          : 0.0}};
  return json::serialize(root) + "\n";
}

}  // namespace everpost::load
