// The server's side of one SASL exchange (RFC 4422) by each mechanism, stepped by GNU SASL.
#pragma once

#include <string>

#include "node/auth/authenticator.h"

namespace everpost::node {

// `mechanism` in capitals. Errors: kUnsupported.
Result<std::unique_ptr<Authenticator::Exchange>> start_exchange(Authenticator::Impl& authenticator,
                                                                const std::string& mechanism,
                                                                LoginClient client);

}  // namespace everpost::node
