#include "node/admin/call.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <ctime>

namespace everpost::node::admin {
namespace {

Error wrong(std::string_view name, std::string_view what) {
  return Error{ErrorCode::kInvalidArgument, std::string(name) + " " + std::string(what)};
}

std::string copy(const json::string& text) { return std::string(text.data(), text.size()); }

}  // namespace

Result<AccountClaim> AccountClaim::take(Context& context, const std::string& address) {
  if (!context.busy_accounts.insert(address).second)
    return Error{ErrorCode::kBusy, address + ": another request is adding or removing it"};
  return AccountClaim(context, address);
}

Result<void> Fields::only(std::initializer_list<std::string_view> names) const {
  for (const auto& field : body_)
    if (std::ranges::find(names, std::string_view(field.key())) == names.end())
      return wrong(std::string_view(field.key()), "is not a field of this request");
  return {};
}

Result<std::string> Fields::text(std::string_view name) const {
  ASSIGN_OR_RETURN(auto value, maybe_text(name));
  if (!value) return wrong(name, "is missing");
  return *std::move(value);
}

Result<std::optional<std::string>> Fields::maybe_text(std::string_view name) const {
  const json::value* value = body_.if_contains(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) return wrong(name, "must be a string");
  return std::optional(copy(value->get_string()));
}

Result<std::optional<std::uint64_t>> Fields::maybe_number(std::string_view name) const {
  const json::value* value = body_.if_contains(name);
  if (!value) return std::nullopt;
  if (value->is_uint64()) return std::optional(value->get_uint64());
  if (value->is_int64() && value->get_int64() >= 0)
    return std::optional(static_cast<std::uint64_t>(value->get_int64()));
  return wrong(name, "must be a number, 0 or more");
}

Result<std::optional<bool>> Fields::maybe_flag(std::string_view name) const {
  const json::value* value = body_.if_contains(name);
  if (!value) return std::nullopt;
  if (!value->is_bool()) return wrong(name, "must be true or false");
  return std::optional(value->get_bool());
}

Result<std::vector<std::string>> Fields::texts(std::string_view name) const {
  const json::value* value = body_.if_contains(name);
  if (!value || !value->is_array()) return wrong(name, "must be an array of strings");
  std::vector<std::string> result;
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) return wrong(name, "must be an array of strings");
    result.push_back(copy(element.get_string()));
  }
  return result;
}

Result<std::string> own_address(const std::string& text) {
  auto address = parse_address(text);
  if (!address) return in_context(text, std::move(address).error());
  if (address->domain.starts_with('['))
    return Error{ErrorCode::kInvalidArgument, text + ": an address literal is not a domain"};
  return address->text();
}

Result<std::string> domain_name(const std::string& text) {
  auto name = normalize_domain(text);
  if (!name) return in_context(text, std::move(name).error());
  if (name->starts_with('['))
    return Error{ErrorCode::kInvalidArgument, text + ": an address literal is not a domain"};
  return name;
}

std::string domain_of(const std::string& address) {
  return address.substr(address.rfind('@') + 1);  // a quoted local part may contain '@', too
}

Result<Page> page_of(const Call& call) {
  Page page;
  for (const auto& [name, value] : call.query) {
    if (name == "after") {
      page.after = value;
    } else if (name == "domain") {
      ASSIGN_OR_RETURN(page.domain, domain_name(value));
    } else if (name == "limit") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), page.limit);
      if (error != std::errc{} || end != value.data() + value.size() || page.limit == 0 ||
          page.limit > 1000)
        return wrong("limit", "must be a number from 1 to 1000");
    } else {
      return wrong(name, "is not a parameter of this request");
    }
  }
  return page;
}

std::string to_text(WallTime time) {
  const std::time_t seconds = time.micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t bytes = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text, bytes);
}

Task<storage::DirectoryOutcome> change_directory(Context& context, std::string actor,
                                                 std::vector<storage::DirectoryCommand> commands) {
  storage::DirectoryTxn txn{context.directory().new_op(), std::move(actor), std::move(commands)};
  CO_ASSIGN_OR_RETURN(storage::DirectoryOutcome outcome,
                      co_await context.directory().submit(std::move(txn)));
  if (outcome.error) co_return *std::move(outcome.error);
  co_return outcome;
}

Task<storage::MailOutcome> change_mail(Context& context, ShardId shard,
                                       std::vector<storage::MailCommand> commands) {
  cluster::MailStore& mail = context.services.mail;
  storage::MailTxn txn{mail.new_op(), AccountId{0}, std::move(commands)};
  CO_ASSIGN_OR_RETURN(storage::MailOutcome outcome, co_await mail.submit(shard, std::move(txn)));
  if (outcome.error) co_return *std::move(outcome.error);
  co_return outcome;
}

}  // namespace everpost::node::admin
