// /v1/aliases: addresses whose mail goes to other addresses.
#include <boost/json/array.hpp>

#include "node/admin/routes.h"

namespace everpost::node::admin {
namespace {

json::object to_json(const storage::AliasRecord& alias) {
  json::object result;
  result["address"] = alias.address;
  json::array& targets = result["targets"].emplace_array();
  for (const std::string& target : alias.targets) targets.emplace_back(target);
  result["created"] = to_text(alias.created);
  return result;
}

Refusal no_such_alias(const std::string& address) {
  return {{ErrorCode::kNotFound, address + ": no such alias"}, "see: everpost alias list"};
}

// A sentence if mail for the target cannot be delivered.
asio::awaitable<std::optional<std::string>> doubt(Context& context, std::string target) {
  const auto address = parse_address(target);
  if (!address) co_return std::nullopt;
  const auto found = co_await context.services.directory.resolve(*address);
  if (!found) co_return target + ": " + found.error().context;
  if (!found->domain_is_ours)
    co_return target + " is not here: mail for the alias is refused until this server relays";
  if (!found->enabled) co_return target + " is switched off";
  if (found->local.empty() && found->elsewhere.empty()) co_return target + " does not exist";
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<Answer> list_aliases(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const Page page, page_of(call));
  using Records = std::vector<storage::AliasRecord>;
  std::function<Result<Records>(const storage::DirectoryReader&)> query =
      [page](const storage::DirectoryReader& reader) {
        return reader.aliases(page.after, page.limit);
      };
  CO_ASSIGN_OR_RETURN(const Records records,
                      co_await context.directory().read<Records>(std::move(query)));
  json::object result;
  json::array& aliases = result["aliases"].emplace_array();
  for (const storage::AliasRecord& record : records)
    if (page.domain.empty() || domain_of(record.address) == page.domain)
      aliases.push_back(to_json(record));
  if (records.size() == page.limit) result["next"] = records.back().address;
  co_return result;
}

asio::awaitable<Answer> add_alias(Context& context, Call call) {
  const Fields fields(call.body);
  CO_CHECK(fields.only({"address", "targets"}));
  CO_ASSIGN_OR_RETURN(const std::string given, fields.text("address"));
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(given));
  CO_ASSIGN_OR_RETURN(const auto given_targets, fields.texts("targets"));
  storage::AddAlias add{address, {}};
  for (const std::string& text : given_targets) {
    auto target = parse_address(text);
    if (!target) co_return in_context(text, std::move(target).error());
    add.targets.push_back(target->text());
  }
  const auto added = co_await change_directory(context, call.actor, {add});
  if (!added) {
    if (added.error().code == ErrorCode::kNotFound)
      co_return Refusal{{ErrorCode::kNotFound, address + ": its domain is not here"},
                        "add it first: everpost domain add " + domain_of(address)};
    if (added.error().code == ErrorCode::kAlreadyExists)
      co_return Refusal{
          {ErrorCode::kAlreadyExists, address + ": an account or alias has this address"},
          "to change an alias remove it first: everpost alias remove " + address};
    co_return in_context(address, added.error());
  }
  json::object result = to_json(storage::AliasRecord{address, add.targets, {}});
  result.erase("created");
  json::array warnings;
  for (const std::string& target : add.targets)
    if (const auto sentence = co_await doubt(context, target)) warnings.emplace_back(*sentence);
  result["warnings"] = std::move(warnings);
  co_return result;
}

asio::awaitable<Answer> show_alias(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(call.names[0]));
  std::function<Result<storage::AliasRecord>(const storage::DirectoryReader&)> query =
      [&address](const storage::DirectoryReader& reader) { return reader.alias(address); };
  const auto alias = co_await context.directory().read<storage::AliasRecord>(std::move(query));
  if (alias) co_return to_json(*alias);
  if (alias.error().code == ErrorCode::kNotFound) co_return no_such_alias(address);
  co_return alias.error();
}

asio::awaitable<Answer> remove_alias(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string address, own_address(call.names[0]));
  const auto removed =
      co_await change_directory(context, call.actor, {storage::RemoveAlias{address}});
  if (!removed) {
    if (removed.error().code == ErrorCode::kNotFound) co_return no_such_alias(address);
    co_return removed.error();
  }
  json::object result;
  result["address"] = address;
  co_return result;
}

}  // namespace everpost::node::admin
