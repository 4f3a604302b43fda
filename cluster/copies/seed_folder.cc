#include "cluster/copies/seed_folder.h"

namespace everpost::cluster {

Result<void> remove_files(storage::Env& env, const std::string& folder) {
  ASSIGN_OR_RETURN(const bool exists, env.exists(folder));
  if (!exists) return {};
  ASSIGN_OR_RETURN(const auto names, env.list(folder));
  for (const std::string& name : names) RETURN_IF_ERROR(env.remove(folder + "/" + name));
  return env.sync_folder(folder);
}

Result<void> remove_copy(storage::Env& env, const std::string& folder) {
  ASSIGN_OR_RETURN(const bool exists, env.exists(folder));
  if (!exists) return {};
  for (const char* part : {"/log", "/index"}) {
    ASSIGN_OR_RETURN(const bool there, env.exists(folder + part));
    if (!there) continue;
    RETURN_IF_ERROR(remove_files(env, folder + part));
    RETURN_IF_ERROR(env.remove_folder(folder + part));
  }
  RETURN_IF_ERROR(remove_files(env, folder));
  RETURN_IF_ERROR(env.remove_folder(folder));
  return env.sync_folder(storage::parent_folder(folder));
}

Result<void> take_seed_in(storage::Env& env, const std::string& folder) {
  const std::string seed = seed_folder(folder), old = folder + ".old";
  ASSIGN_OR_RETURN(const bool whole, env.exists(seed + "/meta"));
  if (whole) {
    ASSIGN_OR_RETURN(const bool there, env.exists(folder));
    if (there) {
      RETURN_IF_ERROR(remove_copy(env, old));
      RETURN_IF_ERROR(env.rename(folder, old));
    }
    RETURN_IF_ERROR(env.rename(seed, folder));
    RETURN_IF_ERROR(env.sync_folder(storage::parent_folder(folder)));
  }
  return remove_copy(env, old);
}

}  // namespace everpost::cluster
