// Who is who: recipients and logins, looked up in the directory shard with a cache that the shard's
// version guards. Callable from any executor and thread.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cluster/directory_store.h"
#include "node/directory/address.h"

namespace everpost::node {

// A mailbox owner that a recipient's address leads to.
struct LocalRecipient {
  std::string address;
  AccountId account;
  ShardId shard;
  std::uint64_t quota_bytes = 0;
};

// Where mail for an address goes: through aliases (up to 10 levels, each account once) and
// sub-addresses (an exact address wins over its part before the '+').
struct Resolution {
  bool domain_is_ours = false;
  bool enabled = true;  // false: `local` and `elsewhere` are empty, for the account is switched off
  std::vector<LocalRecipient> local;   // both empty, domain_is_ours and enabled: no such user
  std::vector<std::string> elsewhere;  // targets of an alias that are not ours
};

class Directory {
 public:
  explicit Directory(cluster::DirectoryStore& store);
  ~Directory();

  // Errors: kLimit (an alias with more than 10 levels, or that leads to more than 10,000
  // addresses), and those of DirectoryStore.
  Task<Resolution> resolve(Address recipient);
  // The account that logs in as `login` (a full address). Errors: kNotFound.
  Task<std::shared_ptr<const storage::AccountRecord>> find_login(std::string login);
  cluster::DirectoryStore& store();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everpost::node
