#include "node/smtp/protocol.h"

#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {
namespace {

Step goodbye(const Session& session, std::string_view enhanced, std::string_view why) {
  Step step = answer(421, enhanced, session.settings.hostname + " " + std::string(why));
  step.action = HangUp{};
  return step;
}

std::string_view without_trailing_spaces(std::string_view text) {
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// RFC 2033 §4.2: one reply for each recipient; SMTP has one for them all.
Step accepted(const Session& session, const MessageResult& result) {
  const Reply ok{250, "2.0.0", "Ok, stored as " + result.id};
  Step step;
  if (session.is(Flavour::kLmtp)) {
    for (const auto& refusal : result.recipients) append(step.reply, refusal ? refusal->reply : ok);
  } else {
    // Somebody has it: refusing the message would make the sender send it to them again.
    const auto refused = std::ranges::all_of(
        result.recipients, [](const auto& refusal) { return refusal.has_value(); });
    append(step.reply, refused ? result.recipients.front()->reply : ok);
  }
  return step;
}

}  // namespace

Protocol::Protocol(Settings settings, bool tls) {
  session_.settings = std::move(settings);
  session_.tls = tls;
}

std::string Protocol::greeting() const {
  return "220 " + session_.settings.hostname +
         (session_.is(Flavour::kLmtp) ? " LMTP Everpost\r\n" : " ESMTP Everpost\r\n");
}

Step Protocol::on_line(std::string_view line) {
  if (session_.auth != Session::Auth::kNone) return finish(auth_line(session_, line));

  // RFC 5321 §4.1.1: white space at the end is tolerated.
  const std::string_view text = without_trailing_spaces(line);
  const std::size_t space = text.find(' ');
  const Command* command = find_command(text.substr(0, space), session_.settings.flavour);
  if (!command) return finish(client_error(session_, 500, "5.5.2", "Command not recognized"));
  if (line.size() + 2 > command->line_bytes)
    return finish(client_error(session_, 500, "5.5.2", "Line too long"));
  if (command->idle) ++session_.idle_commands;
  return finish(
      command->run(session_, space == text.npos ? std::string_view{} : text.substr(space + 1)));
}

Step Protocol::on_fault(CommandLines::Kind fault) {
  session_.auth = Session::Auth::kNone;
  return finish(client_error(session_, 500, "5.5.2",
                             fault == CommandLines::Kind::kTooLong
                                 ? "Line too long"
                                 : "Bare CR or LF: lines end with CR LF and nothing else"));
}

Step Protocol::on_sender(const Result<Resolution>& found) {
  INVARIANT(session_.pending_sender && session_.login, "nobody asked about a sender");
  return finish(mail_resolved(session_, found));
}

Step Protocol::on_recipient(const Result<RecipientFacts>& found) {
  INVARIANT(session_.pending_recipient && session_.transaction, "nobody asked about a recipient");
  return finish(rcpt_resolved(session_, found));
}

Step Protocol::on_auth(Result<Authenticator::Exchange::Step> stepped) {
  return finish(auth_stepped(session_, std::move(stepped)));
}

void Protocol::on_tls() {
  // RFC 3207 §4.2: what was said in the clear may have been said by somebody else.
  session_.helo.clear();
  session_.extended = false;
  session_.login.reset();
  session_.transaction.reset();
  session_.auth = Session::Auth::kNone;
  session_.auth_login.reset();
  session_.tls = true;
}

Step Protocol::on_ready(bool memory) { return finish(data_ready(session_, memory)); }

Step Protocol::on_chunk(std::uint64_t bytes, const std::optional<Refusal>& refusal) {
  return finish(bdat_received(session_, bytes, refusal));
}

Step Protocol::on_discarded() { return finish(std::exchange(session_.after_discard, {})); }

Step Protocol::on_message(const MessageResult& result) {
  INVARIANT(session_.transaction.has_value(), "a message without a transaction");
  const std::size_t recipients = session_.transaction->recipients.size();
  session_.transaction.reset();
  if (!result.refusal) {
    INVARIANT(result.recipients.size() == recipients, "a result for each recipient");
    ++session_.messages;
    session_.idle_commands = 0;
    return finish(accepted(session_, result));
  }
  Step step;
  for (std::size_t i = 0; i < (session_.is(Flavour::kLmtp) ? recipients : 1); ++i)
    append(step.reply, result.refusal->reply);
  step.refused = result.refusal->reason;
  return finish(std::move(step));
}

Step Protocol::on_shutdown() const {
  return goodbye(session_, "4.3.2", "Service is shutting down, try again later");
}

Step Protocol::on_timeout() const {
  return goodbye(session_, "4.4.2", "Timeout, closing the connection");
}

std::size_t Protocol::envelope_bytes_with(const Resolution& resolution) const {
  if (!session_.transaction || !session_.pending_recipient) return 0;
  std::size_t bytes = session_.transaction->bytes + session_.pending_recipient->recipient.bytes();
  for (const LocalRecipient& target : resolution.local)
    bytes += sizeof target + target.address.size();
  return bytes;
}

// Sends a client away that has used up its errors; the last reply still goes out.
Step Protocol::finish(Step step) {
  std::string_view why;
  if (session_.errors > kErrorsMax)
    why = "Too many errors";
  else if (session_.refused_recipients > kRefusedRecipientsMax ||
           session_.surplus_recipients > kSurplusRecipientsMax)
    why = "Too many refused recipients";
  else if (session_.login_failures >= kLoginFailuresMax)
    why = "Too many failed logins";
  else if (session_.idle_commands > kIdleCommandsMax)
    why = "Too many commands without a message";
  // Bytes that follow a BDAT would be taken for commands, were they not read.
  if (why.empty() || std::holds_alternative<HangUp>(step.action) ||
      std::holds_alternative<ReceiveChunk>(step.action))
    return step;
  Step last = goodbye(session_, "4.7.0", why);
  step.reply += last.reply;
  step.action = HangUp{};
  return step;
}

}  // namespace everpost::node::smtp
