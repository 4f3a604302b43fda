// AUTH (RFC 4954): a SASL exchange, under TLS only and for submission only. Other servers need no
// login, and offering them one would only invite guessing.
#include <algorithm>

#include "node/smtp/commands/command.h"
#include "node/smtp/syntax/base64.h"
#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), to_upper);
  return result;
}

Step cancelled(Session& session) {
  session.auth = Session::Auth::kNone;
  session.auth_login.reset();
  return client_error(session, 501, "5.7.0", "Authentication cancelled");
}

Step challenge(Session& session, std::string_view data) {
  session.auth = Session::Auth::kExchange;
  return answer(334, "", encode_base64(data));
}

Step succeed(Session& session, Login login) {
  session.auth = Session::Auth::kNone;
  session.login = std::move(login);
  return answer(235, "2.7.0", "Authentication succeeded");
}

Step fail(Session& session, const Error& error) {
  session.auth = Session::Auth::kNone;
  switch (error.code) {
    case ErrorCode::kPermissionDenied:
      ++session.login_failures;
      return refuse(535, "5.7.8", "Authentication failed", "login_failed");
    case ErrorCode::kInvalidArgument:
      ++session.login_failures;
      return refuse(501, "5.5.2", "Authentication failed: malformed data", "login_malformed");
    default: {  // RFC 4954 §6: a temporary failure
      Step step =
          refuse(454, "4.7.0", "Cannot authenticate now, try again later", "login_unavailable");
      step.detail = to_string(error);
      return step;
    }
  }
}

}  // namespace

Step auth(Session& session, std::string_view arguments) {
  if (!session.is(Flavour::kSubmission))
    return client_error(session, 502, "5.5.1", "Log in at the submission ports, not here");
  if (session.helo.empty() || !session.extended) return bad_sequence(session, "Say EHLO first");
  if (session.login) return bad_sequence(session, "Already authenticated");  // RFC 4954 §4
  if (session.transaction) return bad_sequence(session, "A transaction is open");
  if (!session.tls) {
    ++session.errors;
    return refuse(538, "5.7.11", "Encryption required: issue STARTTLS first", "auth_without_tls");
  }

  const std::size_t space = arguments.find(' ');
  const std::string mechanism = upper(arguments.substr(0, space));
  if (mechanism.empty()) return bad_arguments(session, "Usage: AUTH mechanism [initial-response]");
  if (std::ranges::find(session.settings.mechanisms, mechanism) ==
      session.settings.mechanisms.end())
    return client_error(session, 504, "5.5.4", "Authentication mechanism not supported");

  BeginAuth begin{mechanism, std::nullopt};
  if (space != arguments.npos) {
    const std::string_view initial = arguments.substr(space + 1);
    // RFC 4954 §4: "=" is an initial response of no bytes.
    begin.initial = initial == "=" ? std::optional<std::string>("") : decode_base64(initial);
    if (!begin.initial)
      return client_error(session, 501, "5.5.2", "The initial response is not base64");
  }
  Step step;
  step.action = std::move(begin);
  return step;
}

Step auth_line(Session& session, std::string_view line) {
  if (line == "*") return cancelled(session);  // RFC 4954 §4
  if (session.auth == Session::Auth::kFinal) {
    // The mechanism's last word went out as a challenge; an empty response confirms it.
    if (!line.empty()) return cancelled(session);
    return succeed(session, std::exchange(session.auth_login, nullptr));
  }
  auto decoded = decode_base64(line);
  if (!decoded) {
    session.auth = Session::Auth::kNone;
    return client_error(session, 501, "5.5.2", "The response is not base64");
  }
  Step step;
  step.action = ContinueAuth{*std::move(decoded)};
  return step;
}

Step auth_stepped(Session& session, Result<Authenticator::Exchange::Step> stepped) {
  if (!stepped) return fail(session, stepped.error());
  if (!stepped->login) return challenge(session, stepped->challenge);
  if (stepped->challenge.empty()) return succeed(session, std::move(stepped->login));
  Step step = challenge(session, stepped->challenge);
  session.auth = Session::Auth::kFinal;
  session.auth_login = std::move(stepped->login);
  return step;
}

}  // namespace everpost::node::smtp
