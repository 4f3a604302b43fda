#include "node/local/interruption.h"

namespace everpost::local {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

}  // namespace

Interruption::Interruption() {
  g_interrupted = 0;
  struct sigaction action{};
  action.sa_handler = [](int) { g_interrupted = 1; };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &int_before_);
  ::sigaction(SIGTERM, &action, &term_before_);
}

Interruption::~Interruption() {
  ::sigaction(SIGINT, &int_before_, nullptr);
  ::sigaction(SIGTERM, &term_before_, nullptr);
}

bool Interruption::happened() { return g_interrupted != 0; }

}  // namespace everpost::local
