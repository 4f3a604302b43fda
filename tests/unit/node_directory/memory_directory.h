// A directory in memory, for tests of what stands on cluster::DirectoryStore.
#pragma once

#include <map>

#include "cluster/directory_store.h"

namespace everpost {

class MemoryDirectory : public cluster::DirectoryStore, public storage::DirectoryReader {
 public:
  std::map<std::string, storage::DomainRecord> domain_records;
  std::map<std::string, storage::AccountRecord> account_records;
  std::map<std::string, storage::AliasRecord> alias_records;
  std::map<std::string, std::string> setting_values;
  std::uint64_t changes = 1;
  int reads = 0;
  std::optional<Error> broken;  // what reads and writes answer
  std::vector<std::string> actors;

  void add_domain(const std::string& name) { domain_records[name] = {name, {}}; }
  storage::AccountRecord& add_account(const std::string& address, ShardId shard = ShardId{1}) {
    storage::AccountRecord& record = account_records[address];
    record.id = AccountId{next_id_++};
    record.shard = shard;
    record.address = address;
    return record;
  }
  void add_alias(const std::string& address, std::vector<std::string> targets) {
    alias_records[address] = {address, std::move(targets), {}};
  }

  // cluster::DirectoryStore
  Task<storage::DirectoryOutcome> submit(storage::DirectoryTxn txn) override {
    if (broken) co_return *broken;
    actors.push_back(txn.actor);
    storage::DirectoryOutcome outcome;
    for (const auto& command : txn.commands) {
      outcome.error = std::visit([&](const auto& c) { return apply(c, outcome); }, command);
      if (outcome.error) break;
    }
    ++changes;
    co_return outcome;
  }
  OpId new_op() override { return OpId{1, 1, ++ops_}; }
  std::uint64_t version() const override { return changes; }

  // storage::DirectoryReader
  Lsn applied() const override { return Lsn{changes}; }
  Result<storage::DomainRecord> domain(const std::string& name) const override {
    return get(domain_records, name);
  }
  Result<storage::AccountRecord> account(const std::string& address) const override {
    return get(account_records, address);
  }
  Result<storage::AccountRecord> account(AccountId id) const override {
    for (const auto& [address, record] : account_records)
      if (record.id == id) return record;
    return Error{ErrorCode::kNotFound, to_string(id)};
  }
  Result<storage::AliasRecord> alias(const std::string& address) const override {
    return get(alias_records, address);
  }
  Result<std::vector<storage::DomainRecord>> domains(const std::string& after,
                                                     std::size_t limit) const override {
    return page(domain_records, after, limit);
  }
  Result<std::vector<storage::AccountRecord>> accounts(const std::string& after,
                                                       std::size_t limit) const override {
    return page(account_records, after, limit);
  }
  Result<std::vector<storage::AliasRecord>> aliases(const std::string& after,
                                                    std::size_t limit) const override {
    return page(alias_records, after, limit);
  }
  Result<std::map<std::string, std::string>> settings() const override { return setting_values; }

 protected:
  Task<void> read_any(std::function<Result<void>(const storage::DirectoryReader&)> query) override {
    ++reads;
    if (broken) co_return *broken;
    co_return query(*this);
  }

 private:
  using Outcome = storage::DirectoryOutcome;
  using Failure = std::optional<Error>;

  template <class T>
  static Result<T> get(const std::map<std::string, T>& records, const std::string& key) {
    const auto found = records.find(key);
    if (found == records.end()) return Error{ErrorCode::kNotFound, key};
    return found->second;
  }
  template <class T>
  static std::vector<T> page(const std::map<std::string, T>& records, const std::string& after,
                             std::size_t limit) {
    std::vector<T> result;
    for (auto at = records.upper_bound(after); at != records.end() && result.size() < limit; ++at)
      result.push_back(at->second);
    return result;
  }
  static std::string domain_of(const std::string& address) {
    return address.substr(address.rfind('@') + 1);
  }
  Failure check_new(const std::string& address) const {
    if (!domain_records.contains(domain_of(address)))
      return Error{ErrorCode::kNotFound, domain_of(address)};
    if (account_records.contains(address) || alias_records.contains(address))
      return Error{ErrorCode::kAlreadyExists, address};
    return {};
  }

  // As the directory's state machine does.
  static void tell(storage::AccountRecord record, Outcome& outcome) {
    record.credentials = {};
    outcome.account = std::move(record);
  }

  Failure apply(const storage::AddDomain& c, Outcome&) {
    if (domain_records.contains(c.name)) return Error{ErrorCode::kAlreadyExists, c.name};
    add_domain(c.name);
    return {};
  }
  Failure apply(const storage::RemoveDomain& c, Outcome&) {
    for (const auto& [address, record] : account_records)
      if (domain_of(address) == c.name) return Error{ErrorCode::kConflict, address};
    if (domain_records.erase(c.name) == 0) return Error{ErrorCode::kNotFound, c.name};
    return {};
  }
  Failure apply(const storage::AddAccount& c, Outcome& outcome) {
    if (auto failure = check_new(c.address)) return failure;
    storage::AccountRecord& record = add_account(c.address, c.shard);
    record.display_name = c.display_name;
    record.quota_bytes = c.quota_bytes;
    record.credentials = c.credentials;
    tell(record, outcome);
    return {};
  }
  Failure apply(const storage::RemoveAccount& c, Outcome& outcome) {
    const auto found = account_records.find(c.address);
    if (found == account_records.end()) return Error{ErrorCode::kNotFound, c.address};
    tell(found->second, outcome);
    account_records.erase(found);
    return {};
  }
  Failure apply(const storage::UpdateAccount& c, Outcome& outcome) {
    const auto found = account_records.find(c.address);
    if (found == account_records.end()) return Error{ErrorCode::kNotFound, c.address};
    storage::AccountRecord& record = found->second;
    if (c.display_name) record.display_name = *c.display_name;
    if (c.quota_bytes) record.quota_bytes = *c.quota_bytes;
    if (c.enabled) record.enabled = *c.enabled;
    if (c.credentials) record.credentials = *c.credentials;
    tell(record, outcome);
    return {};
  }
  Failure apply(const storage::AddAlias& c, Outcome&) {
    if (auto failure = check_new(c.address)) return failure;
    add_alias(c.address, c.targets);
    return {};
  }
  Failure apply(const storage::RemoveAlias& c, Outcome&) {
    if (alias_records.erase(c.address) == 0) return Error{ErrorCode::kNotFound, c.address};
    return {};
  }
  Failure apply(const storage::SetSetting& c, Outcome&) {
    if (c.value)
      setting_values[c.name] = *c.value;
    else
      setting_values.erase(c.name);
    return {};
  }
  Failure apply(const storage::ExpireOps&, Outcome&) { return {}; }

  std::uint64_t next_id_ = 1;
  std::uint64_t ops_ = 0;
};

}  // namespace everpost
