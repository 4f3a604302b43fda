#include "storage/machine/directory_reader.h"

#include "base/bytes.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"
#include "storage/machine/directory_values.h"

namespace everpost::storage {
namespace {

Error not_found(const char* what, const std::string& name) {
  return {ErrorCode::kNotFound, std::string("no ") + what + " " + name};
}

class Reader final : public DirectoryReader {
 public:
  Reader(std::unique_ptr<IndexView> view, Lsn applied)
      : view_(std::move(view)), applied_(applied) {}

  Lsn applied() const override { return applied_; }

  Result<DomainRecord> domain(const std::string& name) const override {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::domain(name)));
    if (!value) return not_found("domain", name);
    ASSIGN_OR_RETURN(const directory::Domain domain, directory::decode_domain(*value));
    return DomainRecord{name, domain.created};
  }

  Result<AccountRecord> account(const std::string& address) const override {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::address(address)));
    if (!value) return not_found("account", address);
    return account_behind(*value);
  }

  Result<AccountRecord> account(AccountId id) const override {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::account_record(id)));
    if (!value) return not_found("account", to_string(id));
    return directory::decode_account(id, *value);
  }

  Result<AliasRecord> alias(const std::string& address) const override {
    ASSIGN_OR_RETURN(const auto value, view_->get(keys::alias(address)));
    if (!value) return not_found("alias", address);
    return directory::decode_alias(address, *value);
  }

  Result<std::vector<DomainRecord>> domains(const std::string& after,
                                            std::size_t limit) const override {
    return page<DomainRecord>(
        keys::kDomains, after, limit,
        [](std::string_view name, std::string_view value) -> Result<DomainRecord> {
          ASSIGN_OR_RETURN(const directory::Domain domain, directory::decode_domain(value));
          return DomainRecord{std::string(name), domain.created};
        });
  }
  Result<std::vector<AccountRecord>> accounts(const std::string& after,
                                              std::size_t limit) const override {
    return page<AccountRecord>(
        keys::kAddresses, after, limit,
        [this](std::string_view, std::string_view value) { return account_behind(value); });
  }
  Result<std::vector<AliasRecord>> aliases(const std::string& after,
                                           std::size_t limit) const override {
    return page<AliasRecord>(keys::kAliases, after, limit, directory::decode_alias);
  }

  Result<std::map<std::string, std::string>> settings() const override {
    std::map<std::string, std::string> found;
    RETURN_IF_ERROR(view_->scan(keys::kSettings, {},
                                [&](std::string_view key, std::string_view value) -> Result<bool> {
                                  found.emplace(key.substr(keys::kSettings.size()), value);
                                  return true;
                                }));
    return found;
  }

 private:
  // `value` of an address.
  Result<AccountRecord> account_behind(std::string_view value) const {
    ASSIGN_OR_RETURN(const AccountId id, directory::decode_account_id(value));
    return account(id);
  }

  template <class T, class Decode>
  Result<std::vector<T>> page(std::string_view prefix, const std::string& after, std::size_t limit,
                              Decode decode) const {
    std::vector<T> found;
    if (limit == 0) return found;
    // The first key that is greater than `after`'s.
    const std::string from =
        std::string(prefix) + after + (after.empty() ? "" : std::string(1, '\0'));
    RETURN_IF_ERROR(view_->scan(prefix, from,
                                [&](std::string_view key, std::string_view value) -> Result<bool> {
                                  ASSIGN_OR_RETURN(T one, decode(key.substr(prefix.size()), value));
                                  found.push_back(std::move(one));
                                  return found.size() < limit;
                                }));
    return found;
  }

  const std::unique_ptr<IndexView> view_;
  const Lsn applied_;
};

}  // namespace

Result<std::unique_ptr<DirectoryReader>> make_directory_reader(std::unique_ptr<IndexView> view) {
  ASSIGN_OR_RETURN(const auto value, view->get(keys::kApplied));
  Lsn applied;
  if (value) {
    if (value->size() != 8)
      return Error{ErrorCode::kCorrupt, "directory index: malformed applied LSN"};
    applied = Lsn{load_le<std::uint64_t>(as_bytes(*value).data())};
  }
  return std::make_unique<Reader>(std::move(view), applied);
}

}  // namespace everpost::storage
