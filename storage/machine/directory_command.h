// The directory: domains, accounts, aliases, credentials and settings of the cluster. A shard of
// its own (shard 0) with a state machine of its own; commands as in mail_command.h. Addresses and
// names come here normalised (node/directory): lower case, domains as U-labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace everpost::storage {

// What is kept of a password; the password itself is not.
struct Credentials {
  std::string
      argon2id;  // libsodium's crypto_pwhash_str: "$argon2id$v=19$m=…"; empty: cannot log in
  // SCRAM-SHA-256 (RFC 5802 §3, RFC 7677): what the server keeps.
  std::uint32_t scram_iterations = 0;
  std::string scram_salt;  // raw bytes
  std::string scram_stored_key;
  std::string scram_server_key;
};

struct DomainRecord {
  std::string name;
  WallTime created;
};
struct AccountRecord {
  AccountId id;
  ShardId shard;  // where the mailboxes are
  std::string address;
  std::string display_name;
  std::uint64_t quota_bytes = 0;  // 0: unlimited
  bool enabled = true;
  Credentials credentials;
  WallTime created;
};
struct AliasRecord {
  std::string address;
  std::vector<std::string> targets;  // addresses
  WallTime created;
};

struct AddDomain {
  std::string name;
};
struct RemoveDomain {  // kConflict while it has accounts or aliases
  std::string name;
};
struct AddAccount {  // kNotFound without its domain; kAlreadyExists if an account or alias has the
                     // address
  std::string address;
  std::string display_name;
  ShardId shard;
  std::uint64_t quota_bytes = 0;
  Credentials credentials;
};
struct RemoveAccount {
  std::string address;
};
struct UpdateAccount {  // what is set changes
  std::string address;
  std::optional<std::string> display_name;
  std::optional<std::uint64_t> quota_bytes;
  std::optional<bool> enabled;
  std::optional<Credentials> credentials;
};
struct AddAlias {  // errors as AddAccount
  std::string address;
  std::vector<std::string> targets;  // 1 to 1000
};
struct RemoveAlias {
  std::string address;
};
struct SetSetting {
  std::string name;
  std::optional<std::string> value;  // none: back to the default
};
struct ExpireOps {
  std::uint32_t ops_before = 0;  // hours since 1970
};

using DirectoryCommand = std::variant<AddDomain, RemoveDomain, AddAccount, RemoveAccount,
                                      UpdateAccount, AddAlias, RemoveAlias, SetSetting, ExpireOps>;

struct DirectoryTxn {
  OpId op;
  std::string actor;  // who asked, for the log: "root via socket"
  std::vector<DirectoryCommand> commands;
};
struct DirectoryOutcome {
  std::optional<Error> error;
  // Of AddAccount, UpdateAccount and RemoveAccount: the last one, without its credentials.
  std::optional<AccountRecord> account;
  Lsn lsn;
  bool repeated = false;
};

std::string encode(const DirectoryTxn& txn);
// Errors: kCorrupt (malformed), kLimit (beyond DirectoryLimits), kUnsupported (of a newer program).
Result<DirectoryTxn> decode_directory_txn(Bytes meta);
// Only the op_id, of a txn that may be bad otherwise. Errors: kCorrupt.
Result<OpId> decode_directory_op(Bytes meta);

// What a command may ask for; beyond it it is refused.
struct DirectoryLimits {
  static constexpr std::size_t commands = 1000;  // in one txn
  static constexpr std::size_t actor_bytes = 1000;
  static constexpr std::size_t address_bytes = 1000;  // normalised, UTF-8
  static constexpr std::size_t domain_bytes = 500;
  static constexpr std::size_t display_name_bytes = 1000;
  static constexpr std::size_t targets = 1000;           // of an alias
  static constexpr std::size_t credential_bytes = 1000;  // each of their strings
  static constexpr std::size_t setting_name_bytes = 100;
  static constexpr std::size_t setting_value_bytes = 64 << 10;
};

}  // namespace everpost::storage
