// Passwords and what is stored of them. hash_password() itself is declared in authenticator.h.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "node/auth/authenticator.h"
#include "node/auth/secret.h"

namespace everpost::node {

inline constexpr std::size_t kPasswordBytesMax = 1024;

// SASLprep (RFC 4013), so that a password typed on another keyboard is the same password.
// Characters newer than Unicode 3.2, which RFC 4013 does not know, pass as they are. Errors:
// kInvalidArgument (not UTF-8, a control character, empty, too long).
Result<Secret> prepare_password(std::string_view password);

// Blocks for as long as the hash costs. False, too, if `hash` is not a hash.
bool verify_argon2id(const std::string& hash, const Secret& prepared);

// Costs as much to verify as a hash made with `cost`, and no password fits it.
std::string unmatchable_argon2id(const HashCost& cost);

}  // namespace everpost::node
