#include "storage/machine/directory_machine.h"

#include <algorithm>

#include "storage/index/keys.h"
#include "storage/machine/directory_values.h"
#include "storage/machine/op_hours.h"

namespace everpost::storage {
namespace {

using directory::Counters;
using directory::Domain;
using Limits = DirectoryLimits;

// What one ExpireOps removes at most, so that no record takes long to apply.
constexpr std::size_t kExpiredMax = 20'000;
// The feature level of the commands that this program can apply (D16).
constexpr std::uint32_t kFeatureLevel = 1;

// Why a command is refused; none: it was carried out. An Error of a Result is the index's.
using Refusal = std::optional<Error>;

// A refusal is a value: an Error in its place would be the index's.
Result<Refusal> refused(ErrorCode code, std::string_view what, std::string_view name,
                        std::string_view why) {
  std::string context(what);
  context.append(" ").append(name).append(": ").append(why);
  return Refusal(Error{code, std::move(context)});
}

// Names are normalised before (node/directory). Here only what would harm: control characters,
// emptiness, sizes that keys cannot hold.
bool plain(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}
bool good_domain(std::string_view name) {
  return !name.empty() && name.size() <= Limits::domain_bytes && plain(name) &&
         name.find('@') == std::string_view::npos;
}
// A quoted local part may hold an '@', a domain does not (RFC 5321 §4.1.2).
std::string_view domain_of(std::string_view address) {
  return address.substr(address.rfind('@') + 1);
}
bool good_address(std::string_view address) {
  const auto at = address.rfind('@');
  return at != std::string_view::npos && at > 0 && address.size() <= Limits::address_bytes &&
         plain(address) && good_domain(domain_of(address));
}

// The commands of one TXN.
class Transaction {
 public:
  Transaction(IndexTxn& index, WallTime time, const Counters& counters)
      : index_(index), time_(time), counters_(counters) {}

  Result<Refusal> operator()(const AddDomain& command);
  Result<Refusal> operator()(const RemoveDomain& command);
  Result<Refusal> operator()(const AddAccount& command);
  Result<Refusal> operator()(const RemoveAccount& command);
  Result<Refusal> operator()(const UpdateAccount& command);
  Result<Refusal> operator()(const AddAlias& command);
  Result<Refusal> operator()(const RemoveAlias& command);
  Result<Refusal> operator()(const SetSetting& command);
  Result<Refusal> operator()(const ExpireOps& command);

  const Counters& counters() const { return counters_; }
  const std::optional<AccountRecord>& account() const { return account_; }

 private:
  Result<std::optional<Domain>> find_domain(std::string_view name);
  Result<std::optional<AccountRecord>> find_account(std::string_view address);
  // Why `address` cannot be given to a new account or alias.
  Result<Refusal> check_new(std::string_view what, std::string_view address);
  // Changes how many accounts and aliases the domain of `address` counts.
  Result<void> count(std::string_view address, int accounts, int aliases);
  void tell(AccountRecord account);

  IndexTxn& index_;
  const WallTime time_;
  Counters counters_;
  std::optional<AccountRecord> account_;
};

Result<std::optional<Domain>> Transaction::find_domain(std::string_view name) {
  ASSIGN_OR_RETURN(const auto value, index_.get(keys::domain(name)));
  if (!value) return std::nullopt;
  ASSIGN_OR_RETURN(const Domain domain, directory::decode_domain(*value));
  return domain;
}

Result<std::optional<AccountRecord>> Transaction::find_account(std::string_view address) {
  ASSIGN_OR_RETURN(const auto value, index_.get(keys::address(address)));
  if (!value) return std::nullopt;
  ASSIGN_OR_RETURN(const AccountId id, directory::decode_account_id(*value));
  ASSIGN_OR_RETURN(const auto record, index_.get(keys::account_record(id)));
  if (!record)
    return Error{ErrorCode::kCorrupt,
                 "directory index: account " + to_string(id) + " has an address but no record"};
  ASSIGN_OR_RETURN(AccountRecord account, directory::decode_account(id, *record));
  return account;
}

Result<Refusal> Transaction::check_new(std::string_view what, std::string_view address) {
  if (!good_address(address))
    return refused(ErrorCode::kInvalidArgument, what, address, "not an address");
  ASSIGN_OR_RETURN(const auto domain, find_domain(domain_of(address)));
  if (!domain) return refused(ErrorCode::kNotFound, what, address, "its domain is not ours");
  ASSIGN_OR_RETURN(const auto account, index_.get(keys::address(address)));
  if (account)
    return refused(ErrorCode::kAlreadyExists, what, address, "an account has the address");
  ASSIGN_OR_RETURN(const auto alias, index_.get(keys::alias(address)));
  if (alias) return refused(ErrorCode::kAlreadyExists, what, address, "an alias has the address");
  return std::nullopt;
}

Result<void> Transaction::count(std::string_view address, int accounts, int aliases) {
  const std::string_view name = domain_of(address);
  ASSIGN_OR_RETURN(auto domain, find_domain(name));
  if (!domain) return Error{ErrorCode::kCorrupt, "directory index: an address without its domain"};
  domain->accounts += static_cast<std::uint32_t>(accounts);
  domain->aliases += static_cast<std::uint32_t>(aliases);
  return index_.put(keys::domain(name), directory::encode(*domain));
}

void Transaction::tell(AccountRecord account) {
  account.credentials = {};
  account_ = std::move(account);
}

Result<Refusal> Transaction::operator()(const AddDomain& command) {
  if (!good_domain(command.name))
    return refused(ErrorCode::kInvalidArgument, "domain", command.name, "not a domain name");
  ASSIGN_OR_RETURN(const auto domain, find_domain(command.name));
  if (domain) return refused(ErrorCode::kAlreadyExists, "domain", command.name, "is there already");
  RETURN_IF_ERROR(
      index_.put(keys::domain(command.name), directory::encode(Domain{.created = time_})));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const RemoveDomain& command) {
  ASSIGN_OR_RETURN(const auto domain, find_domain(command.name));
  if (!domain) return refused(ErrorCode::kNotFound, "domain", command.name, "no such domain");
  if (domain->accounts > 0 || domain->aliases > 0)
    return refused(ErrorCode::kConflict, "domain", command.name,
                   "it still has " + std::to_string(domain->accounts) + " accounts and " +
                       std::to_string(domain->aliases) + " aliases");
  RETURN_IF_ERROR(index_.remove(keys::domain(command.name)));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const AddAccount& command) {
  ASSIGN_OR_RETURN(const Refusal why_not, check_new("account", command.address));
  if (why_not) return why_not;
  AccountRecord account;
  account.id = counters_.next_account;
  account.shard = command.shard;
  account.address = command.address;
  account.display_name = command.display_name;
  account.quota_bytes = command.quota_bytes;
  account.credentials = command.credentials;
  account.created = time_;
  ++counters_.next_account.value;
  RETURN_IF_ERROR(index_.put(keys::address(account.address), directory::encode(account.id)));
  RETURN_IF_ERROR(index_.put(keys::account_record(account.id), directory::encode(account)));
  RETURN_IF_ERROR(count(account.address, 1, 0));
  tell(std::move(account));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const RemoveAccount& command) {
  ASSIGN_OR_RETURN(auto account, find_account(command.address));
  if (!account) return refused(ErrorCode::kNotFound, "account", command.address, "no such account");
  RETURN_IF_ERROR(index_.remove(keys::address(account->address)));
  RETURN_IF_ERROR(index_.remove(keys::account_record(account->id)));
  RETURN_IF_ERROR(count(account->address, -1, 0));
  tell(*std::move(account));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const UpdateAccount& command) {
  ASSIGN_OR_RETURN(auto account, find_account(command.address));
  if (!account) return refused(ErrorCode::kNotFound, "account", command.address, "no such account");
  if (command.display_name) account->display_name = *command.display_name;
  if (command.quota_bytes) account->quota_bytes = *command.quota_bytes;
  if (command.enabled) account->enabled = *command.enabled;
  if (command.credentials) account->credentials = *command.credentials;
  RETURN_IF_ERROR(index_.put(keys::account_record(account->id), directory::encode(*account)));
  tell(*std::move(account));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const AddAlias& command) {
  ASSIGN_OR_RETURN(const Refusal why_not, check_new("alias", command.address));
  if (why_not) return why_not;
  if (command.targets.empty())
    return refused(ErrorCode::kInvalidArgument, "alias", command.address, "it leads nowhere");
  for (const std::string& target : command.targets) {
    if (!good_address(target))
      return refused(ErrorCode::kInvalidArgument, "alias", command.address,
                     "its target is not an address: " + target);
    if (target == command.address)
      return refused(ErrorCode::kInvalidArgument, "alias", command.address, "it leads to itself");
  }
  const AliasRecord alias{command.address, command.targets, time_};
  RETURN_IF_ERROR(index_.put(keys::alias(alias.address), directory::encode(alias)));
  RETURN_IF_ERROR(count(alias.address, 0, 1));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const RemoveAlias& command) {
  ASSIGN_OR_RETURN(const auto value, index_.get(keys::alias(command.address)));
  if (!value) return refused(ErrorCode::kNotFound, "alias", command.address, "no such alias");
  RETURN_IF_ERROR(index_.remove(keys::alias(command.address)));
  RETURN_IF_ERROR(count(command.address, 0, -1));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const SetSetting& command) {
  if (command.name.empty() || !plain(command.name))
    return refused(ErrorCode::kInvalidArgument, "setting", command.name, "not a setting's name");
  const keys::Key key = keys::setting(command.name);
  RETURN_IF_ERROR(command.value ? index_.put(key, *command.value) : index_.remove(key));
  return std::nullopt;
}

Result<Refusal> Transaction::operator()(const ExpireOps& command) {
  // A floor in the future would refuse every operation until then: for good, for it never sinks.
  if (std::int64_t{command.ops_before} > hours(time_))
    return refused(ErrorCode::kInvalidArgument, "operations", std::to_string(command.ops_before),
                   "they cannot expire before they are made");
  counters_.ops_floor = std::max(counters_.ops_floor, command.ops_before);
  std::vector<std::string> expired;
  RETURN_IF_ERROR(index_.scan(keys::kOps, {}, [&](std::string_view key, std::string_view) {
    const std::optional<OpId> op = keys::parse_op(key);
    if (!op || op->hour >= command.ops_before) return Result<bool>(false);
    expired.emplace_back(key);
    return Result<bool>(expired.size() < kExpiredMax);
  }));
  for (const std::string& key : expired) RETURN_IF_ERROR(index_.remove(key));
  return std::nullopt;
}

Result<Counters> load_counters(const IndexTxn& txn) {
  ASSIGN_OR_RETURN(const auto value, txn.get(keys::kDirectoryState));
  if (!value) return Counters{};
  return directory::decode_counters(*value);
}

// An operation is applied once: its outcome is kept until it is older than the floor (H40).
Refusal check_age(const OpId& op, WallTime now, const Counters& counters) {
  if (op.hour < counters.ops_floor)
    return Error{ErrorCode::kInvalidArgument,
                 "operation " + to_string(op) + ": too old to tell whether it was applied before"};
  if (op.hour > hours(now) + 1)
    return Error{ErrorCode::kInvalidArgument, "operation " + to_string(op) +
                                                  ": made in the future; set the clock of node " +
                                                  std::to_string(op.frontend)};
  return std::nullopt;
}

// The shard's history was cut (an operator restored an older copy): mail shards may know accounts
// with ids of the part that is gone (H39).
Result<void> rewind_guard(IndexTxn& txn) {
  ASSIGN_OR_RETURN(Counters counters, load_counters(txn));
  counters.next_account.value += std::uint64_t{1} << 20;
  return txn.put(keys::kDirectoryState, directory::encode(counters));
}

Result<DirectoryApplied> apply_txn(IndexTxn& txn, const RecordHeader& header, Bytes meta) {
  DirectoryApplied applied;
  applied.lsn = header.lsn;
  DirectoryOutcome& outcome = applied.outcome.emplace();
  outcome.lsn = header.lsn;

  const Result<OpId> op = decode_directory_op(meta);
  if (!op) {
    outcome.error = op.error();
    return applied;
  }
  applied.op = *op;
  const keys::Key op_key = keys::op(*op);
  ASSIGN_OR_RETURN(const auto known, txn.get(op_key));
  if (known) {
    ASSIGN_OR_RETURN(outcome, directory::decode_outcome(*known));
    outcome.repeated = true;
    return applied;
  }

  ASSIGN_OR_RETURN(const Counters before, load_counters(txn));
  outcome.error = check_age(*op, header.time, before);
  if (outcome.error) return applied;  // not kept: the floor refuses it again

  const Result<DirectoryTxn> commands = decode_directory_txn(meta);
  if (!commands && commands.error().code == ErrorCode::kUnsupported) return commands.error();
  if (!commands) outcome.error = commands.error();
  if (commands) {
    txn.mark();
    Transaction transaction(txn, header.time, before);
    for (const DirectoryCommand& command : commands->commands) {
      ASSIGN_OR_RETURN(outcome.error, std::visit(transaction, command));
      if (outcome.error) break;
    }
    if (outcome.error) {
      txn.undo_to_mark();
    } else {
      outcome.account = transaction.account();
      if (transaction.counters() != before)
        RETURN_IF_ERROR(txn.put(keys::kDirectoryState, directory::encode(transaction.counters())));
    }
  }
  RETURN_IF_ERROR(txn.put(op_key, directory::encode(outcome)));
  return applied;
}

}  // namespace

Result<DirectoryApplied> apply_directory(IndexTxn& txn, const RecordHeader& header, Bytes meta) {
  if (header.feature_level > kFeatureLevel || (header.flags & kCompressedMeta) != 0)
    return Error{ErrorCode::kUnsupported,
                 "it needs feature level " + std::to_string(header.feature_level) +
                     ", this program has " + std::to_string(kFeatureLevel)};
  DirectoryApplied nothing;
  nothing.lsn = header.lsn;
  switch (header.type) {
    case RecordType::kTxn:
      return apply_txn(txn, header, meta);
    case RecordType::kRewindGuard:
      RETURN_IF_ERROR(rewind_guard(txn));
      return nothing;
    case RecordType::kEpochStart:
    case RecordType::kNoop:
    case RecordType::kCheckpointMark:
    case RecordType::kBodyChunk:  // these two have no meaning here
    case RecordType::kUploadAbort:
      return nothing;
    case RecordType::kFeatureLevel:
      break;
  }
  if ((header.flags & kIgnorable) != 0) return nothing;
  return Error{ErrorCode::kUnsupported, "this program does not know its type"};
}

}  // namespace everpost::storage
