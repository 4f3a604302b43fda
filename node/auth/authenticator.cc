#include "node/auth/authenticator.h"

#include <algorithm>
#include <sodium.h>

#include "base/invariant.h"
#include "base/log.h"
#include "node/auth/authenticator_impl.h"
#include "node/auth/password.h"
#include "node/auth/sasl_exchange.h"

namespace everpost::node {
namespace {

// What waits for a thread: some 10 s of work for each.
constexpr unsigned kQueuePerThread = 100;

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

// The library asks whether a name and a password fit. It is told yes, and the exchange then checks
// them itself, since that takes long and must not block the thread it is stepped on.
int on_gsasl_callback(Gsasl*, Gsasl_session*, Gsasl_property property) {
  return property == GSASL_VALIDATE_SIMPLE ? GSASL_OK : GSASL_NO_CALLBACK;
}

}  // namespace

std::optional<std::string> normal_login(const std::string& login) {
  const auto address = parse_address(login);
  if (!address) return std::nullopt;
  return address->text();
}

Authenticator::Impl::Impl(Directory& d, unsigned threads, HashCost c)
    : directory(d),
      cost(c),
      unmatchable(unmatchable_argon2id(c)),
      queue_max(kQueuePerThread * std::max(threads, 1u)),
      pool(std::max(threads, 1u)) {
  randombytes_buf(secret.data(), secret.size());
  INVARIANT(gsasl_init(&gsasl) == GSASL_OK, "GNU SASL starts unless there is no memory");
  gsasl_callback_set(gsasl, on_gsasl_callback);
}

Authenticator::Impl::~Impl() {
  pool.join();
  gsasl_done(gsasl);
}

Fingerprint Authenticator::Impl::fingerprint(std::string_view purpose, std::string_view login,
                                             std::string_view value) const {
  Fingerprint result{};
  static_assert(sizeof(Fingerprint) == crypto_auth_hmacsha256_BYTES);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, secret.data(), secret.size());
  for (const std::string_view part : {purpose, login, value}) {
    std::array<std::byte, 8> length{};
    store_le<std::uint64_t>(length.data(), part.size());
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<unsigned char*>(length.data()),
                                  length.size());
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                                  part.size());
  }
  crypto_auth_hmacsha256_final(&state, result.data());
  sodium_memzero(&state, sizeof state);
  return result;
}

Task<Login> Authenticator::Impl::find(const std::string& login) {
  auto found = co_await directory.find_login(login);
  if (!found) {
    if (found.error().code == ErrorCode::kNotFound) co_return Login{};
    co_return in_context("look up a login", Error{ErrorCode::kUnavailable, found.error().context});
  }
  if (!(*found)->enabled) co_return Login{};
  co_return *found;
}

Task<void> Authenticator::Impl::slow_down(const std::string& source, const std::string& login) {
  const auto wait = throttle.enter(source, login, now());
  if (!wait) co_return Error{ErrorCode::kBusy, "too many failed logins"};
  if (*wait == Throttle::Wait{0}) co_return Result<void>{};
  asio::steady_timer timer(co_await asio::this_coro::executor, *wait);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  throttle.leave(source);
  if (error) co_return Error{ErrorCode::kClosed, "login given up"};
  co_return Result<void>{};
}

Error Authenticator::Impl::refuse(const std::string& login, const LoginClient& client,
                                  std::string_view mechanism,
                                  const std::optional<Fingerprint>& attempt) {
  const auto normal = normal_login(login);
  throttle.failed(throttle_source(client.address), normal.value_or(""), attempt, now());
  // What is no address may be a password that was typed into the wrong field.
  log::info("login refused", {{"protocol", client.protocol},
                              {"mechanism", mechanism},
                              {"from", client.address},
                              {"login", normal.value_or("(not an address)")}});
  return Error{ErrorCode::kPermissionDenied, "wrong user name or password"};
}

Task<Login> Authenticator::Impl::check(std::string login, Secret password, LoginClient client,
                                       std::string_view mechanism) {
  const std::string normal = normal_login(login).value_or("");
  const Fingerprint attempt = fingerprint("login", normal, password.view());
  CO_ASSIGN_OR_RETURN(Login account, co_await find(login));
  const std::string& stored = account ? account->credentials.argon2id : unmatchable;
  if (account && successes.knows(account->id, stored, attempt, now())) co_return account;

  CO_CHECK(co_await slow_down(throttle_source(client.address), normal));
  auto prepared = prepare_password(password.view());
  // What cannot be a password takes as long as a wrong one.
  const bool possible = prepared.has_value() && !stored.empty();
  Secret candidate = prepared ? *std::move(prepared) : Secret("x");
  CO_ASSIGN_OR_RETURN(const bool right,
                      co_await on_pool([hash = stored.empty() ? unmatchable : stored,
                                        candidate = std::move(candidate)]() -> Result<bool> {
                        return verify_argon2id(hash, candidate);
                      }));
  if (!account || !possible || !right) co_return refuse(login, client, mechanism, attempt);
  successes.add(account->id, stored, attempt, now());
  co_return account;
}

Authenticator::Authenticator(Directory& directory, unsigned threads, HashCost cost)
    : impl_(std::make_unique<Impl>(directory, threads, cost)) {}
Authenticator::~Authenticator() = default;

Task<Login> Authenticator::check_password(std::string login, std::string password,
                                          LoginClient client) {
  Secret secret = Secret::take(password);
  co_return co_await impl_->check(std::move(login), std::move(secret), std::move(client),
                                  "password");
}

Task<storage::Credentials> Authenticator::hash(std::string password) {
  co_return co_await impl_->on_pool(
      [secret = Secret::take(password), cost = impl_->cost]() -> Result<storage::Credentials> {
        return hash_password(secret.view(), cost);
      });
}

std::vector<std::string> Authenticator::mechanisms(bool allow_plain) {
  // The strongest first: clients that do not choose take the first that they know.
  if (allow_plain) return {"SCRAM-SHA-256", "PLAIN", "LOGIN"};
  return {"SCRAM-SHA-256"};
}

Result<std::unique_ptr<Authenticator::Exchange>> Authenticator::start(std::string_view mechanism,
                                                                      LoginClient client) {
  std::string name(mechanism);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  return start_exchange(*impl_, name, std::move(client));
}

}  // namespace everpost::node
