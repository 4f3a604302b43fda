// The rules of SMTP, submission and LMTP: what to answer to each line, and what to do then. Pure:
// no socket, clock or directory; what has to be looked up is an action in the Step, and the answer
// comes back through one of the on_…() functions.
//
// Call what the last step's action says, and nothing else in between; on_…() that does not fit the
// state is a bug of the caller.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "node/smtp/message_result.h"
#include "node/smtp/session.h"
#include "node/smtp/step.h"
#include "node/smtp/syntax/command_lines.h"

namespace everpost::node::smtp {

class Protocol {
 public:
  // `tls`: the connection began with TLS.
  Protocol(Settings settings, bool tls);

  std::string greeting() const;

  // A line without its CRLF: a command, or a client's part of an AUTH exchange.
  Step on_line(std::string_view line);
  // A line that was refused before anybody read it: kTooLong or kBareNewline.
  Step on_fault(CommandLines::Kind fault);

  Step on_sender(const Result<Resolution>& found);
  Step on_recipient(const Result<RecipientFacts>& found);
  Step on_auth(Result<Authenticator::Exchange::Step> stepped);
  void on_tls();

  // DATA: is there memory for a message?
  Step on_ready(bool memory);
  // BDAT: a piece that is not the last one has been read.
  Step on_chunk(std::uint64_t bytes, const std::optional<Refusal>& refusal);
  Step on_discarded();
  // The message has been read, and stored or refused.
  Step on_message(const MessageResult& result);

  // Goodbyes: 421 and the end, for no fault of the client's.
  Step on_shutdown() const;
  Step on_timeout() const;

  // What the transaction under way says; there is one while a message is being received.
  const Transaction& transaction() const { return *session_.transaction; }
  bool in_transaction() const { return session_.transaction.has_value(); }
  // Memory that the envelope would take if this were its next recipient.
  std::size_t envelope_bytes_with(const Resolution& resolution) const;
  const Session& session() const { return session_; }

 private:
  Step finish(Step step);

  Session session_;
};

}  // namespace everpost::node::smtp
