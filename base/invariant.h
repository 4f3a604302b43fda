// INVARIANT(condition, "what it means"): what must hold, in release builds too. A process that
// finds its own state impossible stops rather than going on wrong; what a peer, a client or the
// disk sends is never impossible and gets an error instead.
#pragma once

namespace everpost {

// Writes file, line, the condition and `meaning` to stderr and aborts.
[[noreturn]] void invariant_failed(const char* file, int line, const char* condition,
                                   const char* meaning);

// For a simulation, which finds out about broken invariants and goes on: on this thread, `handler`
// is called instead, and has to throw. Null: as before.
using InvariantHandler = void (*)(const char* file, int line, const char* condition,
                                  const char* meaning);
void set_invariant_handler(InvariantHandler handler);

}  // namespace everpost

#define INVARIANT(condition, ...)                                                   \
  do {                                                                              \
    if (!(condition)) [[unlikely]]                                                  \
      ::everpost::invariant_failed(__FILE__, __LINE__, #condition, "" __VA_ARGS__); \
  } while (false)
