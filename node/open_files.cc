#include "node/open_files.h"

#include <algorithm>
#include <sys/resource.h>

#include "base/log.h"

namespace everpost::node {

void raise_open_files_limit(const Config& config) {
  constexpr rlim_t kOfTheProcess = 256;
  constexpr rlim_t kOfAShard = 1100;  // LevelDB keeps up to 1000 tables open, the log its segments
  const rlim_t want = kOfTheProcess + config.connections + (config.shards + 1) * kOfAShard;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  if (limit.rlim_cur >= want) return;
  rlimit raised{std::max(limit.rlim_cur, want), std::max(limit.rlim_max, want)};
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {  // only root may raise the hard limit
    raised = {limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) raised = limit;
  }
  if (raised.rlim_cur < want)
    log::warning("the limit of open files is below what limits.connections may need",
                 {{"limit", raised.rlim_cur},
                  {"needed", want},
                  {"remedy", "raise LimitNOFILE (systemd) or ulimit -Hn"}});
}

}  // namespace everpost::node
