#include "base/invariant.h"

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace everpost {

void invariant_failed(const char* file, int line, const char* condition, const char* meaning) {
  std::fprintf(stderr, "everpost: invariant broken at %s:%d: %s %s\n", file, line, condition,
               meaning);
  std::fflush(stderr);
  log::flush();  // what led here
  std::abort();
}

}  // namespace everpost
