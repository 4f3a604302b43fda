#include "node/imap/commands/log_in.h"

#include "base/log.h"

namespace everpost::node::imap {
namespace {

void count(Session& session, const char* result) {
  session.services.metrics.logins.Add({{"protocol", "imap"}, {"result", result}}).Increment();
}

Task<void> make_account(Session& session, Login login) {
  const auto account = co_await session.mail().account(login->shard, login->id);
  if (account) co_return Result<void>{};
  if (account.error().code != ErrorCode::kNotFound) co_return account.error();
  storage::MailTxn txn;
  txn.op = session.mail().new_op();
  txn.actor = login->id;
  txn.commands.push_back(storage::CreateAccount{login->id, login->quota_bytes});
  CO_ASSIGN_OR_RETURN(storage::MailOutcome outcome,
                      co_await session.mail().submit(login->shard, std::move(txn)));
  if (outcome.error) co_return *std::move(outcome.error);
  co_return Result<void>{};
}

}  // namespace

Task<Reply> log_in(Session& session, Login login, std::string mechanism) {
  if (const auto made = co_await make_account(session, login); !made) {
    session.log_error("opening the account at login", made.error());
    count(session, "unavailable");
    co_return refused(made.error());
  }
  session.login = std::move(login);
  count(session, "ok");
  log::info("imap login", {{"login", session.login->address},
                           {"account", session.login->id},
                           {"shard", session.login->shard},
                           {"mechanism", mechanism},
                           {"peer", session.connection.peer_address()},
                           {"tls", session.connection.tls_description()}});
  // The capabilities have changed: saves the client a round trip (RFC 3501 §6.2.3).
  co_return ok("[CAPABILITY " + capabilities(session) + "] Logged in");
}

LoginClient login_client(const Session& session) {
  return {session.connection.peer_address(), "imap"};
}

Task<Reply> refuse_login(Session& session, Error error, std::string mechanism) {
  if (error.code != ErrorCode::kPermissionDenied) {
    count(session, "unavailable");
    log::warning("imap login not possible", {{"mechanism", mechanism},
                                             {"peer", session.connection.peer_address()},
                                             {"error", to_string(error)}});
    co_return refused(error);
  }
  count(session, "failed");  // the Authenticator has logged it
  asio::steady_timer delay(session.connection.executor());
  delay.expires_after(session.timing.failed_login);
  co_await delay.async_wait(asio::as_tuple(asio::use_awaitable));
  if (++session.failed_logins >= session.timing.failed_logins) {
    session.leaving = "too many failed logins";
    session.out << "* BYE Too many failed logins\r\n";
  }
  co_return no("[AUTHENTICATIONFAILED] wrong user or password");  // RFC 5530
}

}  // namespace everpost::node::imap
