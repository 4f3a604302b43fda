#include "node/runtime/process_metrics.h"

#include <cstdio>
#include <filesystem>
#include <sys/resource.h>
#include <unistd.h>

namespace everpost::node {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (!file) return 0;
  unsigned long total = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE))
                   : 0;
}

double open_files() {
  std::error_code failure;
  const std::filesystem::directory_iterator begin("/proc/self/fd", failure), end;
  return failure ? 0 : static_cast<double>(std::distance(begin, end));
}

}  // namespace

void add_process_metrics(MetricFamilies& to) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  to.counter("process_cpu_seconds_total", "User and system CPU time",
             seconds(used.ru_utime) + seconds(used.ru_stime));
  to.gauge("process_resident_memory_bytes", "Resident memory", resident_bytes());
  to.gauge("process_open_fds", "Open file descriptors", open_files());
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  to.gauge("process_max_fds", "The limit of open file descriptors",
           static_cast<double>(files.rlim_cur));
}

}  // namespace everpost::node
