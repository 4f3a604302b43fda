// /v1/domains: the domains whose mail is ours.
#include <boost/json/array.hpp>

#include "node/admin/routes.h"

namespace everpost::node::admin {
namespace {

json::object to_json(const storage::DomainRecord& domain) {
  json::object result;
  result["name"] = domain.name;
  result["created"] = to_text(domain.created);
  return result;
}

Refusal no_such_domain(const std::string& name) {
  return {{ErrorCode::kNotFound, name + ": no such domain"}, "see: everpost domain list"};
}

// Accounts and aliases of a domain, up to `limit` of each.
struct Members {
  std::vector<std::string> accounts, aliases;
};

template <class Record>
Result<std::vector<std::string>> members(
    const std::string& domain, std::size_t limit,
    const std::function<Result<std::vector<Record>>(const std::string& after)>& next) {
  std::vector<std::string> found;
  std::string after;
  while (found.size() < limit) {
    ASSIGN_OR_RETURN(const auto records, next(after));
    if (records.empty()) break;
    for (const Record& record : records)
      if (domain_of(record.address) == domain && found.size() < limit)
        found.push_back(record.address);
    after = records.back().address;
  }
  return found;
}

Result<Members> members_of(const storage::DirectoryReader& reader, const std::string& domain,
                           std::size_t limit) {
  constexpr std::size_t kPage = 1000;
  Members result;
  ASSIGN_OR_RETURN(result.accounts, members<storage::AccountRecord>(
                                        domain, limit, [&reader](const std::string& after) {
                                          return reader.accounts(after, kPage);
                                        }));
  ASSIGN_OR_RETURN(result.aliases, members<storage::AliasRecord>(
                                       domain, limit, [&reader](const std::string& after) {
                                         return reader.aliases(after, kPage);
                                       }));
  return result;
}

}  // namespace

asio::awaitable<Answer> list_domains(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const Page page, page_of(call));
  using Records = std::vector<storage::DomainRecord>;
  std::function<Result<Records>(const storage::DirectoryReader&)> query =
      [page](const storage::DirectoryReader& reader) {
        return reader.domains(page.after, page.limit);
      };
  CO_ASSIGN_OR_RETURN(const Records records,
                      co_await context.directory().read<Records>(std::move(query)));
  json::object result;
  json::array& domains = result["domains"].emplace_array();
  for (const storage::DomainRecord& record : records) domains.push_back(to_json(record));
  if (records.size() == page.limit) result["next"] = records.back().name;
  co_return result;
}

asio::awaitable<Answer> add_domain(Context& context, Call call) {
  const Fields fields(call.body);
  CO_CHECK(fields.only({"name"}));
  CO_ASSIGN_OR_RETURN(const std::string given, fields.text("name"));
  CO_ASSIGN_OR_RETURN(const std::string name, domain_name(given));
  const auto added = co_await change_directory(context, call.actor, {storage::AddDomain{name}});
  if (!added) {
    if (added.error().code == ErrorCode::kAlreadyExists)
      co_return Refusal{{ErrorCode::kAlreadyExists, name + ": this domain is here already"},
                        "see: everpost domain list"};
    co_return added.error();
  }
  json::object result;
  result["name"] = name;
  // RFC 5321 §4.5.1: a domain that takes mail takes it for its postmaster.
  result["warnings"] =
      json::array{"postmaster@" + name + " must take mail, too: everpost alias add postmaster@" +
                  name + " SOMEBODY"};
  co_return result;
}

asio::awaitable<Answer> show_domain(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string name, domain_name(call.names[0]));
  struct Found {
    storage::DomainRecord record;
    Members members;
  };
  std::function<Result<Found>(const storage::DirectoryReader&)> query =
      [&name](const storage::DirectoryReader& reader) -> Result<Found> {
    Found found;
    ASSIGN_OR_RETURN(found.record, reader.domain(name));
    ASSIGN_OR_RETURN(found.members, members_of(reader, name, SIZE_MAX));
    return found;
  };
  const auto found = co_await context.directory().read<Found>(std::move(query));
  if (!found) {
    if (found.error().code == ErrorCode::kNotFound) co_return no_such_domain(name);
    co_return found.error();
  }
  json::object result = to_json(found->record);
  result["accounts"] = found->members.accounts.size();
  result["aliases"] = found->members.aliases.size();
  co_return result;
}

asio::awaitable<Answer> remove_domain(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const std::string name, domain_name(call.names[0]));
  const auto removed =
      co_await change_directory(context, call.actor, {storage::RemoveDomain{name}});
  if (removed) {
    json::object result;
    result["name"] = name;
    co_return result;
  }
  if (removed.error().code == ErrorCode::kNotFound) co_return no_such_domain(name);
  if (removed.error().code != ErrorCode::kConflict) co_return removed.error();

  std::function<Result<Members>(const storage::DirectoryReader&)> query =
      [&name](const storage::DirectoryReader& reader) { return members_of(reader, name, 1); };
  CO_ASSIGN_OR_RETURN(const Members members,
                      co_await context.directory().read<Members>(std::move(query)));
  std::string example = "its accounts and aliases";
  if (!members.accounts.empty()) example = "account " + members.accounts.front();
  if (members.accounts.empty() && !members.aliases.empty())
    example = "alias " + members.aliases.front();
  co_return Refusal{{ErrorCode::kConflict, name + ": the domain is in use, by " + example},
                    "remove its accounts and aliases first: everpost account list --domain " +
                        name + "; everpost alias list --domain " + name};
}

}  // namespace everpost::node::admin
