// Counts a mail shard's index anew, key by key, and finds every counter and reference that is
// wrong.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace everpost::storage {

// Returns a line for each finding. `dump`: all keys and values.
std::vector<std::string> audit(const std::map<std::string, std::string>& dump);

}  // namespace everpost::storage
