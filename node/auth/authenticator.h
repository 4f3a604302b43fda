// Logging in: SASL (PLAIN, LOGIN, SCRAM-SHA-256, by GNU SASL) and plain passwords, against the
// directory's credentials. Argon2id and SCRAM work runs on a pool of its own, never on an I/O
// thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/asio.h"
#include "node/directory/directory.h"
#include "storage/machine/directory_command.h"

namespace everpost::node {

// What a password is hashed with.
struct HashCost {
  std::uint64_t argon2_passes = 2;  // libsodium's "interactive"
  std::uint64_t argon2_bytes = 64 << 20;
  std::uint32_t scram_iterations = 4096;  // RFC 7677 §4
};

// Hashes a new password: Argon2id, and SCRAM-SHA-256 keys with a random salt. Blocks for about 0.1
// s. The password is prepared with SASLprep (RFC 4013). Errors: kInvalidArgument (not preparable,
// empty), kBusy (no memory).
Result<storage::Credentials> hash_password(std::string_view password, const HashCost& cost = {});

using Login = std::shared_ptr<const storage::AccountRecord>;

// Who is trying to log in: for the log, and for slowing down who guesses.
struct LoginClient {
  std::string address;        // Connection::peer_address(); empty: not slowed down by address
  std::string_view protocol;  // "imap", "submission": a literal
};

// Callable from any executor; every call resumes on the caller's own. A refused login is logged
// here; counting it in the metrics is the protocol's business. After a few failures from one
// address, or for one login, the next attempts wait (node/auth/throttle.h).
class Authenticator {
 public:
  // `cost` is that of new passwords, and what a login that does not exist takes to be refused.
  Authenticator(Directory& directory, unsigned threads, HashCost cost = {});
  // Sessions and their exchanges are gone.
  ~Authenticator();

  // Errors: kPermissionDenied (wrong user or password, or account off; the answer takes as long
  // either way), kBusy (too many waiting), kUnavailable.
  Task<Login> check_password(std::string login, std::string password, LoginClient client = {});

  // hash_password() on the pool, with the Authenticator's cost. Errors: as there, and kBusy.
  Task<storage::Credentials> hash(std::string password);

  // One SASL exchange. Feed it what the client sent, decoded from base64; it answers with the next
  // challenge (raw), until `login` is set. After an error it is over.
  class Exchange {
   public:
    virtual ~Exchange() = default;
    struct Step {
      std::string challenge;
      Login login;  // set: authenticated (with SCRAM `challenge` holds the final message)
    };
    // Errors: kPermissionDenied, kInvalidArgument (malformed), kBusy, kUnavailable.
    virtual Task<Step> step(std::string client_data) = 0;
    virtual bool client_first() const = 0;  // the mechanism starts with the client's data
  };
  // The mechanisms on offer; those that show the password only under TLS (or where plain text is
  // allowed).
  static std::vector<std::string> mechanisms(bool allow_plain);
  // `mechanism` in any case of letters; whether it is allowed here is mechanisms()'s business.
  // Errors: kUnsupported.
  Result<std::unique_ptr<Exchange>> start(std::string_view mechanism, LoginClient client = {});

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace everpost::node
