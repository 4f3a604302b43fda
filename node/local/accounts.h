// The domain and the accounts that `up` promises.
#pragma once

#include <functional>
#include <string>

#include "node/cli/admin_client.h"

namespace everpost::local {

// "user001@example.test"
std::string account_address(unsigned n, const std::string& domain);

// Makes what is missing: the domain, accounts 1 to `count`. An account that is there gets the
// password. `progress` is told now and then how many are done. Returns the first failure.
cli::Outcome<cli::json::object> make_accounts(const cli::AdminClient& admin,
                                              const std::string& domain, unsigned count,
                                              const std::string& password,
                                              std::function<void(unsigned done)> progress);

}  // namespace everpost::local
