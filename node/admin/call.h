// One request, taken apart, and what its handler may use.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/asio.h"
#include "cluster/node.h"
#include "node/admin/answer.h"
#include "node/admin/shard_balance.h"
#include "node/runtime/services.h"

namespace everpost::node::admin {

struct Call {
  std::vector<std::string> names;            // what stood for each "{}" of the route's pattern
  std::map<std::string, std::string> query;  // after the '?'
  json::object body;
  std::string actor;  // who asks, for the directory's log: "uid 0 via socket"
};

struct Context {
  Services& services;
  cluster::Node& node;
  asio::thread_pool& pool;  // for what blocks: a verification, beside it the quick things
  WallTime started;
  ShardBalance balance{};
  bool verifying = false;
  std::set<std::string> busy_accounts{};  // one request at a time for each

  cluster::DirectoryStore& directory() { return services.directory.store(); }
};

// Holds an account's address in Context::busy_accounts for as long as it lives.
class AccountClaim {
 public:
  // Errors: kBusy (another request has it).
  static Result<AccountClaim> take(Context& context, const std::string& address);
  AccountClaim(AccountClaim&& other) noexcept
      : context_(std::exchange(other.context_, nullptr)), address_(std::move(other.address_)) {}
  ~AccountClaim() {
    if (context_) context_->busy_accounts.erase(address_);
  }

 private:
  AccountClaim(Context& context, std::string address)
      : context_(&context), address_(std::move(address)) {}
  Context* context_;
  std::string address_;
};

// Context outlives the call; the call is the handler's own.
using Handler = asio::awaitable<Answer> (*)(Context& context, Call call);

// Fields of a body, by name and type. Each function's error names the field (kInvalidArgument).
class Fields {
 public:
  explicit Fields(const json::object& body) : body_(body) {}

  // Anything else in the body is a mistake that must not pass unnoticed.
  Result<void> only(std::initializer_list<std::string_view> names) const;
  Result<std::string> text(std::string_view name) const;
  Result<std::optional<std::string>> maybe_text(std::string_view name) const;
  Result<std::optional<std::uint64_t>> maybe_number(std::string_view name) const;
  Result<std::optional<bool>> maybe_flag(std::string_view name) const;
  Result<std::vector<std::string>> texts(std::string_view name) const;

 private:
  const json::object& body_;
};

// An address of a user or alias here, normalised. Errors: kInvalidArgument.
Result<std::string> own_address(const std::string& text);
// A domain's name, normalised; an address literal is none. Errors: kInvalidArgument.
Result<std::string> domain_name(const std::string& text);
std::string domain_of(const std::string& address);

// Where a list goes on, and how much of it is wanted: ?after=…&limit=…&domain=…
struct Page {
  std::string after;
  std::size_t limit = 1000;
  std::string domain;  // normalised; empty: all
};
Result<Page> page_of(const Call& call);

// "2026-11-24T05:10:11Z"
std::string to_text(WallTime time);

// Submits one directory transaction; the outcome's own error becomes the result's.
Task<storage::DirectoryOutcome> change_directory(Context& context, std::string actor,
                                                 std::vector<storage::DirectoryCommand> commands);
// The same for a mail shard.
Task<storage::MailOutcome> change_mail(Context& context, ShardId shard,
                                       std::vector<storage::MailCommand> commands);

}  // namespace everpost::node::admin
