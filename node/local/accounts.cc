#include "node/local/accounts.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <optional>

#include "node/cli/exit_code.h"
#include "node/cli/http_client.h"
#include "node/local/interruption.h"

namespace everpost::local {
namespace {

using cli::AdminClient;
using cli::Failure;
using cli::json::object;

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kPause{100};
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

Failure interrupted() {
  return {cli::kRefused, "closed", "interrupted while the accounts were made", ""};
}

// A cluster that has just started, or lost a node, serves again soon. What may have happened
// already is repeated as well: that the account is there is no failure.
asio::awaitable<cli::Outcome<object>> call_patiently(const AdminClient& admin, std::string method,
                                                     std::string target, object body,
                                                     std::chrono::steady_clock::time_point until) {
  while (true) {
    auto answer = co_await admin.call(method, target, body);
    static constexpr std::string_view kPassing[] = {"unavailable", "busy", "not-primary", "closed",
                                                    "timeout"};
    if (Interruption::happened()) co_return interrupted();
    if (answer || std::ranges::find(kPassing, answer.error().code) == std::end(kPassing) ||
        std::chrono::steady_clock::now() > until)
      co_return answer;
    asio::steady_timer pause(co_await asio::this_coro::executor, kPause);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<std::optional<Failure>> make_account(const AdminClient& admin, std::string address,
                                                     std::string password) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  const auto added = co_await call_patiently(admin, "POST", "/v1/accounts",
                                             {{"address", address}, {"password", password}}, until);
  if (added) co_return std::nullopt;
  if (added.error().code != "already-exists") co_return added.error();
  const auto set = co_await call_patiently(
      admin, "PUT", "/v1/accounts/" + cli::percent_encode(address) + "/password",
      {{"password", password}}, until);
  if (set) co_return std::nullopt;
  co_return set.error();
}

asio::awaitable<std::optional<Failure>> make_domain(const AdminClient& admin, std::string domain) {
  const auto added = co_await call_patiently(admin, "POST", "/v1/domains", {{"name", domain}},
                                             std::chrono::steady_clock::now() + kPatience);
  if (added || added.error().code == "already-exists") co_return std::nullopt;
  co_return added.error();
}

// Takes the next number until there is none; several of these run at the same time.
asio::awaitable<void> worker(Work& work) {
  while (work.next <= work.count && !work.failure) {
    if (Interruption::happened()) {
      work.failure = interrupted();
      co_return;
    }
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
  Work work{admin, domain, count, password, progress};
  asio::io_context context;
  asio::co_spawn(context, make_domain(admin, domain),
                 [&work](std::exception_ptr error, std::optional<Failure> failure) {
                   if (error) std::rethrow_exception(error);
                   work.failure = std::move(failure);
                 });
  context.run();
  if (work.failure) return *std::move(work.failure);
  context.restart();
  for (unsigned i = 0; i < kAtOnce; ++i) asio::co_spawn(context, worker(work), asio::detached);
  context.run();
  if (work.failure) return *std::move(work.failure);
  return object{};
}

}  // namespace everpost::local
