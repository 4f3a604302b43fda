#include "node/directory/resolve.h"

#include <unordered_set>

#include "base/log.h"

namespace everpost::node {
namespace {

// The record, or nothing if there is none.
template <class T>
Result<std::optional<T>> found(Result<T> result) {
  if (result) return std::optional<T>(*std::move(result));
  if (result.error().code == ErrorCode::kNotFound) return std::optional<T>();
  return std::move(result).error();
}

class Resolver {
 public:
  Resolver(const storage::DirectoryReader& reader, const Address& recipient)
      : reader_(reader), recipient_(recipient) {}

  Result<Resolution> run() {
    ASSIGN_OR_RETURN(const auto domain, found(reader_.domain(recipient_.domain)));
    if (!domain) return resolution_;
    resolution_.domain_is_ours = true;
    RETURN_IF_ERROR(visit_ours(recipient_, 0));
    resolution_.enabled =
        !met_disabled_ || !resolution_.local.empty() || !resolution_.elsewhere.empty();
    return std::move(resolution_);
  }

 private:
  Result<void> visit_ours(const Address& address, int level) {
    ASSIGN_OR_RETURN(const bool exact, visit_exact(address.text(), level));
    if (exact) return {};
    // RFC 5233: what follows the separator is detail, the mailbox is what comes before it.
    const Subaddress parts = split_subaddress(address.local);
    if (parts.tag) {
      ASSIGN_OR_RETURN(const bool base,
                       visit_exact(Address{parts.user, address.domain}.text(), level));
      if (base) return {};
    }
    if (level > 0)
      log::warning("alias leads to an address that does not exist",
                   {{"alias", recipient_.text()}, {"target", address.text()}});
    return {};
  }

  // False: neither an account nor an alias has exactly this address.
  Result<bool> visit_exact(const std::string& address, int level) {
    ASSIGN_OR_RETURN(const auto account, found(reader_.account(address)));
    if (account) {
      add(*account);
      return true;
    }
    ASSIGN_OR_RETURN(const auto alias, found(reader_.alias(address)));
    if (!alias) return false;
    if (!expanded_.insert(address).second) return true;  // a loop, or met on another way already
    if (level == kAliasLevelsMax)
      return Error{ErrorCode::kLimit, recipient_.text() + ": more than " +
                                          std::to_string(kAliasLevelsMax) + " levels of aliases"};
    for (const std::string& target : alias->targets)
      RETURN_IF_ERROR(visit_target(target, level + 1));
    return true;
  }

  Result<void> visit_target(const std::string& target, int level) {
    if (++targets_ > kAliasAddressesMax)
      return Error{ErrorCode::kLimit, recipient_.text() + ": aliases lead to more than " +
                                          std::to_string(kAliasAddressesMax) + " addresses"};
    auto address = parse_address(target);
    if (!address) return in_context("target " + target, std::move(address).error());
    ASSIGN_OR_RETURN(const auto domain, found(reader_.domain(address->domain)));
    if (domain) return visit_ours(*address, level);
    if (elsewhere_.insert(address->text()).second) resolution_.elsewhere.push_back(address->text());
    return {};
  }

  void add(const storage::AccountRecord& account) {
    if (!account.enabled) {
      met_disabled_ = true;
    } else if (accounts_.insert(account.id).second) {
      resolution_.local.push_back(
          {account.address, account.id, account.shard, account.quota_bytes});
    }
  }

  const storage::DirectoryReader& reader_;
  const Address& recipient_;
  Resolution resolution_;
  bool met_disabled_ = false;
  std::size_t targets_ = 0;
  std::unordered_set<std::string> expanded_;   // aliases
  std::unordered_set<std::string> elsewhere_;  // resolution_.elsewhere
  std::unordered_set<AccountId> accounts_;     // resolution_.local
};

}  // namespace

Result<Resolution> resolve_on(const storage::DirectoryReader& reader, const Address& recipient) {
  return Resolver(reader, recipient).run();
}

}  // namespace everpost::node
