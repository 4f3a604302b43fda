// AUTHENTICATE, RFC 3501 §6.2.2, with the initial response of RFC 4959. The mechanisms are
// node/auth's; here their messages travel.
#include "node/imap/commands/commands.h"
#include "node/imap/commands/log_in.h"
#include "node/imap/syntax/base64.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kLineMax = 16 << 10;  // SCRAM needs a few hundred bytes, PLAIN up to 3 KiB

// Sends a challenge and reads the answer. kInvalidArgument: the client gave up, or sent no base64.
Task<std::string> ask(Session& session, std::string challenge) {
  session.out << "+ " << encode_base64(challenge) << "\r\n";
  CO_CHECK(co_await session.out.flush());
  CO_ASSIGN_OR_RETURN(const std::string_view line,
                      co_await session.connection.read_line(kLineMax, session.patience()));
  session.counters.bytes_in += line.size() + 2;
  if (line == "*") co_return Error{ErrorCode::kInvalidArgument, "cancelled"};
  auto answer = decode_base64(line);
  if (!answer) co_return Error{ErrorCode::kInvalidArgument, "not base64"};
  co_return *std::move(answer);
}

// Errors of the client's lines are answered, others end the session.
bool is_clients(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kTooLarge;
}

}  // namespace

Task<Reply> run_authenticate(Session& session, AuthenticateCommand command) {
  auto exchange = session.services.authenticator.start(command.mechanism, login_client(session));
  const bool offered = std::ranges::count(Authenticator::mechanisms(session.plaintext_allowed()),
                                          command.mechanism) > 0;
  if (!exchange || !offered) {
    if (exchange)
      co_return no("[PRIVACYREQUIRED] this mechanism is only taken under TLS");  // RFC 5530
    co_return no("[CANNOT] unsupported authentication mechanism");
  }

  std::optional<std::string> answer = std::move(command.initial);
  // A mechanism in which the server begins (LOGIN) asks first; a client that knows what it will be
  // asked may have sent the answer along.
  std::string challenge;
  if (!(*exchange)->client_first()) {
    auto first = co_await (*exchange)->step({});
    if (!first)
      co_return co_await refuse_login(session, std::move(first).error(), command.mechanism);
    challenge = std::move(first->challenge);
  }
  while (true) {
    if (!answer) {
      auto asked = co_await ask(session, std::move(challenge));
      if (!asked && is_clients(asked.error()))
        co_return bad("AUTHENTICATE: " + asked.error().context);
      if (!asked) co_return std::move(asked).error();
      answer = *std::move(asked);
    }
    auto step = co_await (*exchange)->step(*std::exchange(answer, std::nullopt));
    if (!step) {
      if (step.error().code == ErrorCode::kInvalidArgument)
        co_return bad("AUTHENTICATE: malformed answer");
      co_return co_await refuse_login(session, std::move(step).error(), command.mechanism);
    }
    challenge = std::move(step->challenge);
    if (!step->login) continue;
    if (!challenge.empty()) {
      // IMAP has no room for data with the success: the mechanism's last message is one more
      // challenge, answered with an empty line (RFC 3501 §6.2.2, RFC 4422 §3.6).
      const auto acknowledged = co_await ask(session, std::move(challenge));
      if (!acknowledged && is_clients(acknowledged.error()))
        co_return bad("AUTHENTICATE: " + acknowledged.error().context);
      if (!acknowledged) co_return acknowledged.error();
    }
    co_return co_await log_in(session, std::move(step->login), command.mechanism);
  }
}

}  // namespace everpost::node::imap
