// What a coroutine that ended by an exception hands to who spawned it, as a log line says it.
#pragma once

#include <exception>
#include <string>

namespace everpost {

inline std::string what(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "not an exception of ours";
  }
}

}  // namespace everpost
