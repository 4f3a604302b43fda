#include "base/invariant.h"

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace everpost {
namespace {
thread_local InvariantHandler handler_of_thread = nullptr;
}  // namespace

void set_invariant_handler(InvariantHandler handler) { handler_of_thread = handler; }

void invariant_failed(const char* file, int line, const char* condition, const char* meaning) {
  if (handler_of_thread) handler_of_thread(file, line, condition, meaning);
  std::fprintf(stderr, "everpost: invariant broken at %s:%d: %s %s\n", file, line, condition,
               meaning);
  std::fflush(stderr);
  log::flush();  // what led here
  std::abort();
}

}  // namespace everpost
