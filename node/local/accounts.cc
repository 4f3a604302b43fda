#include "node/local/accounts.h"

#include <boost/json.hpp>
#include <cstdio>
#include <optional>

#include "node/cli/http_client.h"

namespace everpost::local {
namespace {

using cli::AdminClient;
using cli::Failure;
using cli::json::object;

constexpr unsigned kAtOnce = 8;  // requests; the daemon hashes as many passwords as it has threads

struct Work {
  const AdminClient& admin;
  const std::string& domain;
  const unsigned count;
  const std::string& password;
  const std::function<void(unsigned)>& progress;
  unsigned next = 1, done = 0;
  std::optional<Failure> failure{};
};

asio::awaitable<std::optional<Failure>> make_account(const AdminClient& admin, std::string address,
                                                     std::string password) {
  const auto added =
      co_await admin.call("POST", "/v1/accounts", {{"address", address}, {"password", password}});
  if (added) co_return std::nullopt;
  if (added.error().code != "already-exists") co_return added.error();
  const auto set =
      co_await admin.call("PUT", "/v1/accounts/" + cli::percent_encode(address) + "/password",
                          {{"password", password}});
  if (set) co_return std::nullopt;
  co_return set.error();
}

// Takes the next number until there is none; several of these run at the same time.
asio::awaitable<void> worker(Work& work) {
  while (work.next <= work.count && !work.failure) {
    const unsigned n = work.next++;
    auto failure =
        co_await make_account(work.admin, account_address(n, work.domain), work.password);
    if (failure) {
      work.failure = std::move(failure);
      co_return;
    }
    work.progress(++work.done);
  }
}

}  // namespace

std::string account_address(unsigned n, const std::string& domain) {
  char number[16];
  std::snprintf(number, sizeof number, "%03u", n);
  return std::string("user") + number + "@" + domain;
}

cli::Outcome<object> make_accounts(const AdminClient& admin, const std::string& domain,
                                   unsigned count, const std::string& password,
                                   std::function<void(unsigned)> progress) {
  auto added = admin.call_now("POST", "/v1/domains", {{"name", domain}});
  if (!added && added.error().code != "already-exists") return std::move(added).error();
  Work work{admin, domain, count, password, progress};
  asio::io_context context;
  for (unsigned i = 0; i < kAtOnce; ++i) asio::co_spawn(context, worker(work), asio::detached);
  context.run();
  if (work.failure) return *std::move(work.failure);
  return object{};
}

}  // namespace everpost::local
