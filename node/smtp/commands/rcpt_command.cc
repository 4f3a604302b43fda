// RCPT (RFC 5321 §4.1.1.3) adds a recipient to the transaction, if it is one of ours.
#include "node/smtp/commands/command.h"
#include "node/smtp/syntax/characters.h"
#include "node/smtp/syntax/dsn.h"
#include "node/smtp/syntax/parameters.h"
#include "node/smtp/syntax/path.h"

namespace everpost::node::smtp {
namespace {

Step too_many(Session& session) {
  // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction. So it is no error, but
  // it does not go on for ever either.
  ++session.surplus_recipients;
  Step step = answer(452, "4.5.3", "Too many recipients, send the rest in another transaction");
  if (!std::exchange(session.transaction->too_many, true)) step.refused = "too_many_recipients";
  return step;
}

// Refuses one recipient. A stranger who tries many addresses is sent away; an MTA beside us is not.
Step refuse_recipient(Session& session, int code, std::string_view enhanced, std::string text,
                      std::string_view reason) {
  if (!session.is(Flavour::kLmtp)) ++session.refused_recipients;
  return refuse(code, enhanced, std::move(text), reason);
}

std::optional<Step> take(Session& session, Recipient& recipient, const Parameter& parameter) {
  if (equals_ignoring_case(parameter.keyword, "NOTIFY")) {
    const auto notify = parse_notify(parameter.value);
    if (!notify) return bad_arguments(session, "NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY");
    recipient.notify = *notify;
  } else if (equals_ignoring_case(parameter.keyword, "ORCPT")) {
    if (!is_orcpt(parameter.value, session.transaction->utf8))
      return bad_arguments(session, "ORCPT is not an address type, ';' and an xtext address");
    recipient.orcpt = parameter.value;
  } else {
    return client_error(session, 555, "5.5.4",  // RFC 5321 §4.1.1.11
                        "Parameter " + std::string(parameter.keyword) + " is not known here");
  }
  return std::nullopt;
}

std::string in_brackets(const Recipient& recipient) { return "<" + recipient.address + ">"; }

Step relay_denied(Session& session, const Recipient& recipient) {
  // Relaying for users who logged in comes with the outbound queue.
  if (session.is(Flavour::kSubmission))
    return refuse_recipient(session, 550, "5.7.1",
                            in_brackets(recipient) +
                                " is not on this server, and relaying to other servers is not "
                                "supported by this release",
                            "relay_denied");
  return refuse_recipient(session, 550, "5.7.1", in_brackets(recipient) + " relay denied",
                          "relay_denied");
}

Step alias_elsewhere(Session& session, const Recipient& recipient, const Resolution& resolution) {
  std::string targets;
  for (const std::string& target : resolution.elsewhere) {
    if (targets.size() > 300) {
      targets += ", ...";
      break;
    }
    targets += (targets.empty() ? "" : ", ") + target;
  }
  // Where a user's mail is forwarded to is not for strangers to know.
  Step step = refuse_recipient(session, 550, "5.7.1",
                               in_brackets(recipient) + " forwards to other servers" +
                                   (session.is(Flavour::kSmtp) ? "" : " (" + targets + ")") +
                                   ", which is not supported by this release",
                               "alias_elsewhere");
  step.detail = "alias leads to " + targets;
  return step;
}

Step unknown(Session& session, const PendingRecipient& pending) {
  // RFC 5321 §4.5.1 wants every server to take mail for postmaster: the log tells the
  // administrator.
  const bool postmaster = pending.address.local == "postmaster";
  Step step =
      refuse_recipient(session, 550, "5.1.1", in_brackets(pending.recipient) + " no such user here",
                       postmaster ? "no_postmaster" : "unknown_user");
  if (postmaster)
    step.detail = "make an account or alias " + pending.address.text() + ": RFC 5321 §4.5.1";
  return step;
}

Step lookup_failed(const Error& error) {
  if (error.code == ErrorCode::kBusy)
    return refuse(452, "4.3.1", "Out of resources, try again later", "memory");
  Step step =
      error.code == ErrorCode::kLimit
          ? refuse(451, "4.3.5", "Alias has too many targets or levels", "directory")
          : refuse(451, "4.3.0", "Cannot look up recipients now, try again later", "directory");
  step.detail = to_string(error);
  return step;
}

}  // namespace

Step rcpt(Session& session, std::string_view arguments) {
  if (!session.transaction) return bad_sequence(session, "Say MAIL first");
  if (session.transaction->chunked)  // RFC 3030 §2
    return bad_sequence(session, "A message is being sent with BDAT");

  constexpr std::string_view kTo = "TO:";
  if (!equals_ignoring_case(arguments.substr(0, kTo.size()), kTo))
    return bad_arguments(session, "Usage: RCPT TO:<address> [parameters]");
  arguments.remove_prefix(kTo.size());
  while (arguments.starts_with(' ')) arguments.remove_prefix(1);  // as in MAIL
  const auto path = parse_path(arguments, PathKind::kForward);
  if (!path)
    return client_error(session, 501, "5.1.3", "Bad recipient address: " + path.error().context);
  const auto parameters = parse_parameters(path->rest);
  if (!parameters) return bad_arguments(session, "Bad parameters: " + parameters.error().context);
  if (!session.transaction->utf8 && !is_ascii(path->mailbox))  // RFC 6531 §3.5
    return client_error(session, 553, "5.6.7", "An address that is not ASCII needs SMTPUTF8");

  PendingRecipient pending;
  pending.recipient.address = path->mailbox;
  for (const Parameter& parameter : *parameters)
    if (auto refused = take(session, pending.recipient, parameter)) return *std::move(refused);
  if (session.transaction->recipients.size() >= session.settings.recipients ||
      session.transaction->bytes >= kEnvelopeBytes)
    return too_many(session);

  pending.bare_postmaster = path->domain.empty();
  auto address = pending.bare_postmaster ? parse_address("postmaster@" + session.settings.hostname)
                                         : parse_address(path->mailbox);
  if (!address)
    return client_error(session, 553, "5.1.3", "Bad recipient address: " + address.error().context);
  pending.address = *std::move(address);

  Step step;
  step.action = LookUpRecipient{pending.address};
  session.pending_recipient = std::move(pending);
  return step;
}

Step rcpt_resolved(Session& session, const Result<RecipientFacts>& found) {
  PendingRecipient pending = *std::exchange(session.pending_recipient, std::nullopt);
  if (!found) return lookup_failed(found.error());
  const Resolution& resolution = found->resolution;

  if (!resolution.domain_is_ours) {
    if (!pending.bare_postmaster) return relay_denied(session, pending.recipient);
    // <Postmaster> is the one of our domain: of mx1.example.org's, or else of example.org's.
    std::string& domain = pending.address.domain;
    const std::size_t dot = domain.find('.');
    if (dot == domain.npos || domain.find('.', dot + 1) == domain.npos)
      return unknown(session, pending);
    domain.erase(0, dot + 1);
    Step step;
    step.action = LookUpRecipient{pending.address};
    session.pending_recipient = std::move(pending);
    return step;
  }
  if (!resolution.elsewhere.empty()) return alias_elsewhere(session, pending.recipient, resolution);
  if (resolution.local.empty()) {
    if (resolution.enabled) return unknown(session, pending);
    return refuse_recipient(session, 550, "5.2.1",
                            in_brackets(pending.recipient) + " mailbox is disabled", "disabled");
  }
  if (found->over_quota)
    return refuse_recipient(session, 452, "4.2.2",
                            in_brackets(pending.recipient) + " mailbox is full", "over_quota");

  Recipient& recipient = pending.recipient;
  recipient.targets = resolution.local;
  Transaction& transaction = *session.transaction;
  const std::size_t bytes = recipient.bytes();
  // The first one is taken whatever its size: an alias may have more targets than fit beside
  // others.
  if (!transaction.recipients.empty() && transaction.bytes + bytes > kEnvelopeBytes)
    return too_many(session);
  transaction.bytes += bytes;
  transaction.recipients.push_back(std::move(recipient));
  return answer(250, "2.1.5", "Recipient ok");
}

}  // namespace everpost::node::smtp
