// The folder in which a copy is made from another one, and how it takes the place of the old one.
//
//   shard-0003        the copy that runs
//   shard-0003.seed   the one that is being made; whole when it has a `meta`
//   shard-0003.old    what ran before, until it is removed
#pragma once

#include <string>

#include "base/result.h"
#include "storage/env/env.h"

namespace everpost::cluster {

inline std::string seed_folder(const std::string& folder) { return folder + ".seed"; }

// Puts a copy that is whole into its place, and removes what was there. Does nothing if there is
// none; may be repeated after a crash at any point.
Result<void> take_seed_in(storage::Env& env, const std::string& folder);

// Removes a copy's files and folders, if they are there.
Result<void> remove_copy(storage::Env& env, const std::string& folder);
Result<void> remove_files(storage::Env& env, const std::string& folder);

}  // namespace everpost::cluster
