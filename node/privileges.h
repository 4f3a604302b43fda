// Root only where root is needed: ports are bound first, then the worker becomes node.user and
// cannot go back. The supervisor, if root started it, stays root, to be able to start another.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "base/result.h"
#include "node/runtime/config.h"

namespace everpost::node {

struct Identity {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Whom to become: nobody when the configuration names no user, or when this process is not root.
// Errors: kInvalidArgument.
Result<std::optional<Identity>> identity_to_take(const Config& config);
// Logs a warning if, with nobody to become, this process stays what it should not be: root, or
// somebody else than node.user.
void warn_of_staying(const Config& config);

// Makes the data folder if it is missing, with mode 0700, and the log file, and gives what it made
// to `identity`. Existing ones keep their owners. Errors: kInvalidArgument.
Result<void> make_data_folder(const Config& config, const std::optional<Identity>& identity);
Result<void> make_log_file(const Config& config, const std::optional<Identity>& identity);

// Becomes `identity` for good, supplementary groups included. Errors: kPermissionDenied.
Result<void> drop_privileges(const Identity& identity);

// The data folder can be written to now. Errors: kInvalidArgument, with the remedy.
Result<void> check_data_folder(const Config& config);

}  // namespace everpost::node
