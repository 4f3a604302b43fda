// The inside of an Authenticator, shared by its mechanisms.
#pragma once

#include <array>
#include <atomic>
#include <gsasl.h>
#include <memory>
#include <optional>
#include <sodium.h>
#include <string>

#include "node/auth/authenticator.h"
#include "node/auth/recent_successes.h"
#include "node/auth/secret.h"
#include "node/auth/throttle.h"

namespace everpost::node {

struct Authenticator::Impl {
  Impl(Directory& directory, unsigned threads, HashCost cost);
  ~Impl();

  // The account, null if there is none or it is switched off. Errors: kUnavailable.
  Task<Login> find(const std::string& login);
  // Waits as long as the failures so far ask for. Errors: kBusy.
  Task<void> slow_down(const std::string& source, const std::string& login);
  Task<Login> check(std::string login, Secret password, LoginClient client,
                    std::string_view mechanism);
  // Logs and counts a refused login; the error to answer with.
  Error refuse(const std::string& login, const LoginClient& client, std::string_view mechanism,
               const std::optional<Fingerprint>& attempt);
  Fingerprint fingerprint(std::string_view purpose, std::string_view login,
                          std::string_view value) const;

  // Runs `work`, which returns a Result, on the pool. Errors: kBusy (too much is waiting there).
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> on_pool(Work work) {
    if (queued.fetch_add(1) >= queue_max) {
      queued.fetch_sub(1);
      co_return Error{ErrorCode::kBusy, "too many logins at the same time"};
    }
    auto result = co_await run_on(pool.get_executor(), std::move(work));
    queued.fetch_sub(1);
    co_return result;
  }

  Directory& directory;
  const HashCost cost;
  const std::string unmatchable;  // what passwords of unknown logins are checked against
  std::array<unsigned char, crypto_auth_hmacsha256_KEYBYTES> secret{};
  Throttle throttle;
  RecentSuccesses successes;
  const unsigned queue_max;
  std::atomic<unsigned> queued{0};
  asio::thread_pool pool;
  Gsasl* gsasl = nullptr;
};

// The login as it is looked up and counted; nothing if it is not an address.
std::optional<std::string> normal_login(const std::string& login);

}  // namespace everpost::node
