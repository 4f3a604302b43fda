// /v1/accounts: who has mailboxes here. An account is a record in the directory (shard 0) and
// mailboxes in a mail shard; the two are changed one after the other, in an order in which a crash
// between them leaves something that the same request, repeated, completes.
#include <boost/json/array.hpp>
#include <cstring>

#include "node/admin/routes.h"

namespace everpost::node::admin {
namespace {

json::object to_json(const storage::AccountRecord& account) {
  json::object result;
  result["address"] = account.address;
  result["id"] = account.id.value;
  result["display_name"] = account.display_name;
  result["enabled"] = account.enabled;
  result["has_password"] = !account.credentials.argon2id.empty();
  result["quota_bytes"] = account.quota_bytes;
  result["shard"] = account.shard.value;
  result["created"] = to_text(account.created);
  return result;
}

Refusal no_such_account(const std::string& address) {
  return {{ErrorCode::kNotFound, address + ": no such account"}, "see: everpost account list"};
}

Answer refuse(const std::string& address, Error error) {
  if (error.code == ErrorCode::kNotFound) return no_such_account(address);
  return in_context(address, std::move(error));
}

Task<storage::AccountRecord> find(Context& context, const std::string& address) {
  std::function<Result<storage::AccountRecord>(const storage::DirectoryReader&)> query =
      [&address](const storage::DirectoryReader& reader) { return reader.account(address); };
  co_return co_await context.directory().read<storage::AccountRecord>(std::move(query));
}

// The password of a body, removed from it; nothing if there is none.
Result<std::optional<std::string>> take_password(json::object& body) {
  json::value* value = body.if_contains("password");
  if (!value) return std::nullopt;
  if (!value->is_string()) return Error{ErrorCode::kInvalidArgument, "password must be a string"};
  json::string& text = value->get_string();
  std::string password(text.data(), text.size());
  explicit_bzero(text.data(), text.size());
  body.erase("password");
  return std::optional(std::move(password));
}

Task<storage::Credentials> hash(Context& context, std::optional<std::string> password) {
  if (!password) co_return storage::Credentials{};
  co_return co_await context.services.authenticator.hash(*std::move(password));
}

// True: the account's mailboxes were never made, for the daemon stopped in the middle of adding it.
Task<bool> is_unfinished(Context& context, storage::AccountRecord account) {
  const auto mail = co_await context.services.mail.account(account.shard, account.id);
  if (mail) co_return false;
  if (mail.error().code == ErrorCode::kNotFound) co_return true;
  co_return mail.error();
}

}  // namespace

asio::awaitable<Answer> list_accounts(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const Page page, page_of(call));
  using Records = std::vector<storage::AccountRecord>;
  std::function<Result<Records>(const storage::DirectoryReader&)> query =
      [page](const storage::DirectoryReader& reader) {
        return reader.accounts(page.after, page.limit);
      };
  CO_ASSIGN_OR_RETURN(const Records records,
                      co_await context.directory().read<Records>(std::move(query)));
  json::object result;
  json::array& accounts = result["accounts"].emplace_array();
  for (const storage::AccountRecord& record : records)
    if (page.domain.empty() || domain_of(record.address) == page.domain)
      accounts.push_back(to_json(record));
  if (records.size() == page.limit) result["next"] = records.back().address;
  co_return result;
}

asio::awaitable<Answer> add_account(Context& context, Call call) {
  const Fields fields(call.body);
  CO_CHECK(fields.only({"address", "password", "display_name", "quota_bytes"}));
  CO_ASSIGN_OR_RETURN(const std::string given, fields.text("address"));
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(given));
  CO_ASSIGN_OR_RETURN(const auto display_name, fields.maybe_text("display_name"));
  CO_ASSIGN_OR_RETURN(const auto quota, fields.maybe_number("quota_bytes"));
  CO_ASSIGN_OR_RETURN(const AccountClaim claim, AccountClaim::take(context, address));
  CO_ASSIGN_OR_RETURN(auto password, take_password(call.body));
  CO_ASSIGN_OR_RETURN(const storage::Credentials credentials,
                      co_await hash(context, std::move(password)));
  CO_ASSIGN_OR_RETURN(
      const ShardId shard,
      co_await context.balance.choose(context.directory(), context.services.mail.mail_shards()));

  storage::AccountRecord account;
  auto added =
      co_await change_directory(context, call.actor,
                                {storage::AddAccount{address, display_name.value_or(""), shard,
                                                     quota.value_or(0), credentials}});
  if (added) {
    if (!added->account) co_return Error{ErrorCode::kInternal, address + ": no record came back"};
    account = *added->account;
  } else {
    context.balance.removed(shard);
    if (added.error().code == ErrorCode::kNotFound)
      co_return Refusal{{ErrorCode::kNotFound, address + ": its domain is not here"},
                        "add it first: everpost domain add " + domain_of(address)};
    if (added.error().code != ErrorCode::kAlreadyExists)
      co_return in_context(address, added.error());
    const auto existing = co_await find(context, address);
    if (!existing) {
      if (existing.error().code != ErrorCode::kNotFound) co_return existing.error();
      co_return Refusal{{ErrorCode::kAlreadyExists, address + ": an alias has this address"},
                        "see: everpost alias show " + address};
    }
    CO_ASSIGN_OR_RETURN(const bool unfinished, co_await is_unfinished(context, *existing));
    if (!unfinished)
      co_return Refusal{{ErrorCode::kAlreadyExists, address + ": this account is here already"},
                        "see: everpost account show " + address};
    auto updated =
        co_await change_directory(context, call.actor,
                                  {storage::UpdateAccount{address, display_name.value_or(""),
                                                          quota.value_or(0), true, credentials}});
    if (!updated) co_return in_context(address, updated.error());
    account = *existing;
    if (updated->account) account = *updated->account;
  }

  const auto made = co_await change_mail(context, account.shard,
                                         {storage::CreateAccount{account.id, account.quota_bytes}});
  if (!made)
    co_return Refusal{
        in_context(address + ": the account is there, its mailboxes are not yet", made.error()),
        "run the same command again"};
  account.credentials = credentials;  // outcomes of changes come without
  co_return to_json(account);
}

asio::awaitable<Answer> show_account(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(call.names[0]));
  const auto account = co_await find(context, address);
  if (!account) co_return refuse(address, account.error());
  json::object result = to_json(*account);
  const auto mail = co_await context.services.mail.account(account->shard, account->id);
  if (!mail && mail.error().code != ErrorCode::kNotFound) co_return refuse(address, mail.error());
  result["used_bytes"] = mail ? mail->used_bytes : 0;
  result["messages"] = mail ? mail->messages : 0;
  co_return result;
}

asio::awaitable<Answer> change_account(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(call.names[0]));
  // A removal between the two steps below would get its mailboxes back, without a record.
  CO_ASSIGN_OR_RETURN(const AccountClaim claim, AccountClaim::take(context, address));
  const Fields fields(call.body);
  CO_CHECK(fields.only({"display_name", "quota_bytes", "enabled"}));
  storage::UpdateAccount change;
  change.address = address;
  CO_ASSIGN_OR_RETURN(change.display_name, fields.maybe_text("display_name"));
  CO_ASSIGN_OR_RETURN(change.quota_bytes, fields.maybe_number("quota_bytes"));
  CO_ASSIGN_OR_RETURN(change.enabled, fields.maybe_flag("enabled"));
  const auto changed = co_await change_directory(context, call.actor, {change});
  if (!changed) co_return refuse(address, changed.error());
  if (!changed->account) co_return Error{ErrorCode::kInternal, address + ": no record came back"};
  if (change.quota_bytes) {
    const storage::AccountRecord& account = *changed->account;
    // CreateAccount changes nothing if the mailboxes are there, as they are unless a crash came
    // between the two steps of adding the account.
    const auto set = co_await change_mail(context, account.shard,
                                          {storage::CreateAccount{account.id, *change.quota_bytes},
                                           storage::SetQuota{account.id, *change.quota_bytes}});
    if (!set)
      co_return Refusal{
          in_context(address + ": the quota is noted, but not in force yet", set.error()),
          "run the same command again"};
  }
  CO_ASSIGN_OR_RETURN(const auto account, co_await find(context, address));
  co_return to_json(account);
}

asio::awaitable<Answer> set_password(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(call.names[0]));
  CO_CHECK(Fields(call.body).only({"password"}));
  CO_ASSIGN_OR_RETURN(auto password, take_password(call.body));
  if (!password) co_return Error{ErrorCode::kInvalidArgument, "password is missing"};
  storage::UpdateAccount change;
  change.address = address;
  CO_ASSIGN_OR_RETURN(change.credentials, co_await hash(context, std::move(password)));
  const auto changed = co_await change_directory(context, call.actor, {change});
  if (!changed) co_return refuse(address, changed.error());
  json::object result;
  result["address"] = address;
  co_return result;
}

asio::awaitable<Answer> remove_account(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(call.names[0]));
  CO_ASSIGN_OR_RETURN(const AccountClaim claim, AccountClaim::take(context, address));
  // First off, so that nobody logs in and no mail comes any more; then the mail; the record last,
  // since it says where the mail is. After a crash on the way the same request finds the record.
  storage::UpdateAccount off;
  off.address = address;
  off.enabled = false;
  const auto closed = co_await change_directory(context, call.actor, {off});
  if (!closed) co_return refuse(address, closed.error());
  if (!closed->account) co_return Error{ErrorCode::kInternal, address + ": no record came back"};
  const storage::AccountRecord account = *closed->account;

  const Refusal again{{ErrorCode::kUnavailable, address + ": switched off, but not removed yet"},
                      "run the same command again"};
  const auto deleted =
      co_await change_mail(context, account.shard, {storage::DeleteAccount{account.id}});
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) {
    Refusal refusal = again;
    refusal.error = in_context(again.error.context, deleted.error());
    co_return refusal;
  }
  const auto removed =
      co_await change_directory(context, call.actor, {storage::RemoveAccount{address}});
  if (!removed && removed.error().code != ErrorCode::kNotFound) {
    Refusal refusal = again;
    refusal.error = in_context(again.error.context, removed.error());
    co_return refusal;
  }
  context.balance.removed(account.shard);
  json::object result;
  result["address"] = address;
  co_return result;
}

}  // namespace everpost::node::admin
