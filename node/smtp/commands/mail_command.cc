// MAIL (RFC 5321 §4.1.1.2) starts a transaction: who sends, and what the client says about the
// message.
#include <algorithm>
#include <charconv>

#include "node/smtp/commands/command.h"
#include "node/smtp/syntax/characters.h"
#include "node/smtp/syntax/dsn.h"
#include "node/smtp/syntax/parameters.h"
#include "node/smtp/syntax/path.h"

namespace everpost::node::smtp {
namespace {

// Takes one parameter into the transaction. Nothing if all is well.
std::optional<Step> take(Session& session, Transaction& transaction, const Parameter& parameter) {
  const auto named = [&](std::string_view name) {
    return equals_ignoring_case(parameter.keyword, name);
  };
  const std::string_view value = parameter.value;

  if (named("SIZE")) {  // RFC 1870 §3: up to 20 digits
    if (value.empty() || value.size() > 20 || !std::ranges::all_of(value, is_digit))
      return bad_arguments(session, "SIZE takes a number of bytes");
    std::uint64_t size = 0;
    const bool fits =
        std::from_chars(value.data(), value.data() + value.size(), size).ec == std::errc{};
    if (!fits || size > session.settings.message_bytes)
      return refuse(552, "5.3.4",
                    "Message too large: this server takes up to " +
                        std::to_string(session.settings.message_bytes) + " bytes",
                    "size");
    transaction.declared_size = size;
  } else if (named("BODY")) {  // RFC 6152 §2; BINARYMIME (RFC 3030) is not announced
    if (!equals_ignoring_case(value, "7BIT") && !equals_ignoring_case(value, "8BITMIME"))
      return bad_arguments(session, "BODY is 7BIT or 8BITMIME");
  } else if (named("SMTPUTF8")) {  // RFC 6531 §3.4
    if (parameter.has_value) return bad_arguments(session, "SMTPUTF8 takes no value");
    transaction.utf8 = true;
  } else if (named("RET")) {
    const auto ret = parse_ret(value);
    if (!ret) return bad_arguments(session, "RET is FULL or HDRS");
    transaction.ret = *ret;
  } else if (named("ENVID")) {
    if (!is_envid(value)) return bad_arguments(session, "ENVID is not valid xtext");
    transaction.envid = value;
  } else if (named("AUTH") && session.offers_auth()) {
    // RFC 4954 §5. We do not pass on who submitted a message, so the value is checked and dropped.
    if (value != "<>" && !decode_xtext(value))
      return bad_arguments(session, "AUTH is not valid xtext");
  } else {
    // RFC 5321 §4.1.1.11.
    return client_error(session, 555, "5.5.4",
                        "Parameter " + std::string(parameter.keyword) + " is not known here");
  }
  return std::nullopt;
}

// RFC 4409 and 6409 §4.3: users have to log in, and so (RFC 4954, ours always) to use TLS first.
std::optional<Step> refuse_stranger(Session& session) {
  if (!session.is(Flavour::kSubmission) || session.login) return std::nullopt;
  ++session.errors;
  if (!session.tls)
    return refuse(530, "5.7.0", "Must issue a STARTTLS command first", "auth_required");
  return refuse(530, "5.7.0", "Authentication required", "auth_required");
}

Step start(Session& session, Transaction transaction) {
  transaction.bytes = transaction.sender.size() + transaction.envid.size();
  session.transaction = std::move(transaction);
  return answer(250, "2.1.0", "Sender ok");
}

}  // namespace

Step mail(Session& session, std::string_view arguments) {
  if (session.helo.empty())
    return bad_sequence(session,
                        session.is(Flavour::kLmtp) ? "Say LHLO first" : "Say EHLO or HELO first");
  if (session.transaction) return bad_sequence(session, "A transaction is already open");
  if (session.messages >= kMessagesMax) {
    Step step = answer(421, "4.7.0", session.settings.hostname + " That is enough for one session");
    step.action = HangUp{};
    return step;
  }
  if (auto refused = refuse_stranger(session)) return *std::move(refused);

  constexpr std::string_view kFrom = "FROM:";
  if (!equals_ignoring_case(arguments.substr(0, kFrom.size()), kFrom))
    return bad_arguments(session, "Usage: MAIL FROM:<address> [parameters]");
  arguments.remove_prefix(kFrom.size());
  // RFC 5321 §3.3 allows no space here; many clients send one.
  while (arguments.starts_with(' ')) arguments.remove_prefix(1);
  const auto path = parse_path(arguments, PathKind::kReverse);
  if (!path)  // RFC 3463 §3.2: bad sender's mailbox address syntax
    return client_error(session, 501, "5.1.7", "Bad sender address: " + path.error().context);
  const auto parameters = parse_parameters(path->rest);
  if (!parameters) return bad_arguments(session, "Bad parameters: " + parameters.error().context);

  Transaction transaction;
  transaction.sender = path->mailbox;
  for (const Parameter& parameter : *parameters)
    if (auto refused = take(session, transaction, parameter)) return *std::move(refused);
  if (!transaction.utf8 && !is_ascii(path->mailbox))  // RFC 6531 §3.5
    return client_error(session, 553, "5.6.7", "An address that is not ASCII needs SMTPUTF8");

  // A null sender is nobody's: MUAs send receipts with it (RFC 8098 §2).
  if (!session.is(Flavour::kSubmission) || path->mailbox.empty())
    return start(session, std::move(transaction));
  auto address = parse_address(path->mailbox);
  if (!address)
    return client_error(session, 553, "5.1.7", "Bad sender address: " + address.error().context);
  session.pending_sender = std::move(transaction);
  Step step;
  step.action = LookUpSender{*std::move(address)};
  return step;
}

Step mail_resolved(Session& session, const Result<Resolution>& found) {
  Transaction transaction = *std::exchange(session.pending_sender, std::nullopt);
  if (!found)
    return refuse(451, "4.3.0", "Cannot look up the sender now, try again later", "directory");
  const bool own = std::ranges::any_of(found->local, [&](const LocalRecipient& target) {
    return target.account == session.login->id;
  });
  if (!own) {
    ++session.errors;
    return refuse(553, "5.7.1",
                  "<" + transaction.sender + "> is neither an address nor an alias of " +
                      session.login->address,
                  "sender_not_owned");
  }
  return start(session, std::move(transaction));
}

}  // namespace everpost::node::smtp
