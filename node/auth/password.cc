#include "node/auth/password.h"

#include <array>
#include <cstdlib>
#include <gsasl.h>

#include "base/invariant.h"

namespace everpost::node {
namespace {

constexpr std::size_t kKeyBytes = 32;  // SHA-256
constexpr std::size_t kSaltBytes = 16;

void init_sodium() {
  static const int initialised = sodium_init();
  INVARIANT(initialised >= 0, "libsodium needs the kernel's random numbers");
}

std::string base64(std::string_view bytes) {
  const std::size_t room =
      sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  std::string text(room, '\0');
  sodium_bin2base64(text.data(), room, reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  text.resize(text.find('\0'));
  return text;
}

std::string random_bytes(std::size_t count) {
  init_sodium();
  std::string bytes(count, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

// RFC 5802 §3: StoredKey and ServerKey, from which nobody gets back to the password.
Result<void> add_scram_keys(const Secret& prepared, std::uint32_t iterations,
                            storage::Credentials& credentials) {
  const std::string salt = random_bytes(kSaltBytes);
  const std::string password(prepared.view());  // with the NUL that the library wants
  std::array<char, kKeyBytes> salted{}, client_key{}, server_key{}, stored_key{};
  const int status = gsasl_scram_secrets_from_password(
      GSASL_HASH_SHA256, password.c_str(), iterations, salt.data(), salt.size(), salted.data(),
      client_key.data(), server_key.data(), stored_key.data());
  sodium_memzero(const_cast<char*>(password.data()), password.size());
  sodium_memzero(salted.data(), salted.size());
  sodium_memzero(client_key.data(), client_key.size());
  if (status != GSASL_OK)
    return Error{ErrorCode::kInternal, std::string("SCRAM keys: ") + gsasl_strerror(status)};
  credentials.scram_iterations = iterations;
  credentials.scram_salt = salt;
  credentials.scram_stored_key.assign(stored_key.data(), stored_key.size());
  credentials.scram_server_key.assign(server_key.data(), server_key.size());
  return {};
}

}  // namespace

Result<Secret> prepare_password(std::string_view password) {
  if (password.empty()) return Error{ErrorCode::kInvalidArgument, "the password is empty"};
  if (password.size() > kPasswordBytesMax)
    return Error{ErrorCode::kInvalidArgument, "the password has more than 1024 bytes"};
  if (password.contains('\0'))
    return Error{ErrorCode::kInvalidArgument, "the password contains a NUL character"};
  std::string copy(password);
  char* raw = nullptr;
  // Without flags the library lets unassigned characters pass (test: Password.EmojiAreFine).
  const int status = gsasl_saslprep(copy.c_str(), Gsasl_saslprep_flags{}, &raw, nullptr);
  sodium_memzero(copy.data(), copy.size());
  if (status != GSASL_OK || !raw)
    return Error{ErrorCode::kInvalidArgument,
                 "the password is not UTF-8 or contains a character that RFC 4013 forbids"};
  Secret prepared{std::string_view(raw)};
  sodium_memzero(raw, prepared.view().size());
  gsasl_free(raw);
  if (prepared.view().empty())
    return Error{ErrorCode::kInvalidArgument, "the password is empty once it is prepared"};
  return prepared;
}

Result<storage::Credentials> hash_password(std::string_view password, const HashCost& cost) {
  init_sodium();
  ASSIGN_OR_RETURN(const Secret prepared, prepare_password(password));
  storage::Credentials credentials;
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), prepared.view().data(), prepared.view().size(),
                            cost.argon2_passes, cost.argon2_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return Error{ErrorCode::kBusy, "not enough memory to hash a password"};
  credentials.argon2id = hash.data();
  RETURN_IF_ERROR(add_scram_keys(prepared, cost.scram_iterations, credentials));
  return credentials;
}

bool verify_argon2id(const std::string& hash, const Secret& prepared) {
  init_sodium();
  // libsodium reads a NUL-terminated string of at most this size.
  if (hash.empty() || hash.size() >= crypto_pwhash_STRBYTES) return false;
  return crypto_pwhash_str_verify(hash.c_str(), prepared.view().data(), prepared.view().size()) ==
         0;
}

std::string unmatchable_argon2id(const HashCost& cost) {
  return "$argon2id$v=19$m=" + std::to_string(cost.argon2_bytes / 1024) +
         ",t=" + std::to_string(cost.argon2_passes) + ",p=1$" + base64(random_bytes(kSaltBytes)) +
         "$" + base64(random_bytes(kKeyBytes));
}

}  // namespace everpost::node
