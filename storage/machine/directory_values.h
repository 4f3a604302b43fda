// What the directory's keys (storage/index/keys.h) hold, as bytes: docs/formats/index.md has the
// table. Each value begins with its format's number; strings carry their length. Little-endian.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/machine/directory_command.h"

namespace everpost::storage::directory {

// Z/directory
struct Counters {
  AccountId next_account{1};    // ids are handed out in order and never again
  std::uint32_t ops_floor = 0;  // hours since 1970: outcomes of older operations are forgotten
  friend bool operator==(const Counters&, const Counters&) = default;
};

// DD/name
struct Domain {
  WallTime created;
  std::uint32_t accounts = 0;  // in it
  std::uint32_t aliases = 0;
};

std::string encode(const Counters& counters);
std::string encode(const Domain& domain);
std::string encode(AccountId account);             // DA/address
std::string encode(const AccountRecord& account);  // DI/account8: without the id, it is in the key
std::string encode(const AliasRecord& alias);      // DL/address: without the address
// D/op: without credentials and `repeated`, and without the words of an error, which may change
// between versions: replicas would differ.
std::string encode(const DirectoryOutcome& outcome);

// Errors: kCorrupt, kUnsupported (of a newer program); they name the key's kind, never contents.
Result<Counters> decode_counters(std::string_view value);
Result<Domain> decode_domain(std::string_view value);
Result<AccountId> decode_account_id(std::string_view value);
Result<AccountRecord> decode_account(AccountId id, std::string_view value);
Result<AliasRecord> decode_alias(std::string_view address, std::string_view value);
Result<DirectoryOutcome> decode_outcome(std::string_view value);

}  // namespace everpost::storage::directory
