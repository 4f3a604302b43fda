#include "storage/machine/directory_values.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace everpost::storage::directory {
namespace {

constexpr std::uint8_t kFormat = 1;

// The errors that a command can be refused with, by the number they are kept under.
constexpr std::array kRefusals = {
    ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kAlreadyExists,
    ErrorCode::kConflict,        ErrorCode::kLimit,    ErrorCode::kCorrupt,
};

class Writer {
 public:
  Writer() { number(kFormat); }

  template <std::unsigned_integral T>
  Writer& number(T value) {
    append_le(bytes_, value);
    return *this;
  }
  Writer& time(WallTime value) { return number(static_cast<std::uint64_t>(value.micros)); }
  Writer& flag(bool value) { return number(std::uint8_t{value}); }
  // Longer ones do not come here: the limits of commands are below.
  Writer& text(std::string_view value) {
    value = value.substr(0, UINT16_MAX);
    number(static_cast<std::uint16_t>(value.size()));
    bytes_.append(value);
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Writer wrote. Past the end it gives zeroes and remembers that the value is bad.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {
    newer_ = number<std::uint8_t>() != kFormat;
  }

  template <std::unsigned_integral T>
  T number() {
    if (left_.size() < sizeof(T)) return fail(), T{0};
    const T value = load_le<T>(as_bytes(left_).data());
    left_.remove_prefix(sizeof(T));
    return value;
  }
  WallTime time() { return {static_cast<std::int64_t>(number<std::uint64_t>())}; }
  bool flag() { return number<std::uint8_t>() != 0; }
  std::string text() {
    const std::size_t bytes = number<std::uint16_t>();
    if (left_.size() < bytes) return fail(), std::string();
    std::string value(left_.substr(0, bytes));
    left_.remove_prefix(bytes);
    return value;
  }

  // Whether everything was there, and nothing more.
  Result<void> end(const char* what) const {
    if (newer_ && !short_)
      return Error{ErrorCode::kUnsupported,
                   std::string("directory index: ") + what + " in a newer format"};
    if (short_ || !left_.empty())
      return Error{ErrorCode::kCorrupt, std::string("directory index: malformed ") + what};
    return {};
  }

 private:
  void fail() {
    short_ = true;
    left_ = {};
  }
  std::string_view left_;
  bool short_ = false, newer_ = false;
};

void write(Writer& to, const AccountRecord& account, const Credentials& credentials) {
  to.number(account.shard.value).number(account.quota_bytes).flag(account.enabled);
  to.time(account.created).text(account.address).text(account.display_name);
  to.text(credentials.argon2id).number(credentials.scram_iterations);
  to.text(credentials.scram_salt).text(credentials.scram_stored_key);
  to.text(credentials.scram_server_key);
}

AccountRecord read_account(Reader& from, AccountId id) {
  AccountRecord account;
  account.id = id;
  account.shard = ShardId{from.number<std::uint32_t>()};
  account.quota_bytes = from.number<std::uint64_t>();
  account.enabled = from.flag();
  account.created = from.time();
  account.address = from.text();
  account.display_name = from.text();
  account.credentials.argon2id = from.text();
  account.credentials.scram_iterations = from.number<std::uint32_t>();
  account.credentials.scram_salt = from.text();
  account.credentials.scram_stored_key = from.text();
  account.credentials.scram_server_key = from.text();
  return account;
}

}  // namespace

std::string encode(const Counters& counters) {
  return Writer().number(counters.next_account.value).number(counters.ops_floor).take();
}
std::string encode(const Domain& domain) {
  return Writer().time(domain.created).number(domain.accounts).number(domain.aliases).take();
}
std::string encode(AccountId account) { return Writer().number(account.value).take(); }

std::string encode(const AccountRecord& account) {
  Writer to;
  write(to, account, account.credentials);
  return to.take();
}

std::string encode(const AliasRecord& alias) {
  Writer to;
  to.time(alias.created).number(static_cast<std::uint16_t>(alias.targets.size()));
  for (const std::string& target : alias.targets) to.text(target);
  return to.take();
}

std::string encode(const DirectoryOutcome& outcome) {
  Writer to;
  to.number(outcome.lsn.value);
  std::uint8_t code = 0;  // none
  if (outcome.error) {
    const auto found = std::ranges::find(kRefusals, outcome.error->code);
    code = static_cast<std::uint8_t>(found - kRefusals.begin() + 1);
  }
  to.number(code);
  to.flag(outcome.account.has_value());
  if (outcome.account) {
    to.number(outcome.account->id.value);
    write(to, *outcome.account, {});
  }
  return to.take();
}

Result<Counters> decode_counters(std::string_view value) {
  Reader from(value);
  Counters counters;
  counters.next_account = AccountId{from.number<std::uint64_t>()};
  counters.ops_floor = from.number<std::uint32_t>();
  RETURN_IF_ERROR(from.end("counters"));
  return counters;
}

Result<Domain> decode_domain(std::string_view value) {
  Reader from(value);
  Domain domain;
  domain.created = from.time();
  domain.accounts = from.number<std::uint32_t>();
  domain.aliases = from.number<std::uint32_t>();
  RETURN_IF_ERROR(from.end("domain"));
  return domain;
}

Result<AccountId> decode_account_id(std::string_view value) {
  Reader from(value);
  const AccountId id{from.number<std::uint64_t>()};
  RETURN_IF_ERROR(from.end("address"));
  return id;
}

Result<AccountRecord> decode_account(AccountId id, std::string_view value) {
  Reader from(value);
  AccountRecord account = read_account(from, id);
  RETURN_IF_ERROR(from.end("account"));
  return account;
}

Result<AliasRecord> decode_alias(std::string_view address, std::string_view value) {
  Reader from(value);
  AliasRecord alias;
  alias.address = address;
  alias.created = from.time();
  const std::size_t targets = from.number<std::uint16_t>();
  for (std::size_t i = 0; i < targets; ++i) alias.targets.push_back(from.text());
  RETURN_IF_ERROR(from.end("alias"));
  return alias;
}

Result<DirectoryOutcome> decode_outcome(std::string_view value) {
  Reader from(value);
  DirectoryOutcome outcome;
  outcome.lsn = Lsn{from.number<std::uint64_t>()};
  const std::size_t code = from.number<std::uint8_t>();
  if (code > kRefusals.size())
    return Error{ErrorCode::kCorrupt, "directory index: malformed outcome of an operation"};
  if (code > 0)
    outcome.error =
        Error{kRefusals[code - 1], "refused when it was applied, at LSN " + to_string(outcome.lsn)};
  if (from.flag()) {
    const AccountId id{from.number<std::uint64_t>()};
    outcome.account = read_account(from, id);
  }
  RETURN_IF_ERROR(from.end("outcome of an operation"));
  return outcome;
}

}  // namespace everpost::storage::directory
