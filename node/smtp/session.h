// The state of one conversation, as the commands (commands/) see and change it. Pure: times, looks
// into the directory and all else come in from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/auth/authenticator.h"
#include "node/smtp/flavour.h"
#include "node/smtp/limits.h"
#include "node/smtp/step.h"
#include "node/smtp/transaction.h"

namespace everpost::node::smtp {

struct Settings {
  Flavour flavour = Flavour::kSmtp;
  std::string hostname;
  std::uint64_t message_bytes = 0;
  std::uint32_t recipients = 0;
  bool tls_available = false;
  std::vector<std::string> mechanisms;  // on offer under TLS
};

// A recipient that the directory is asked about.
struct PendingRecipient {
  Recipient recipient;
  Address address;
  bool bare_postmaster = false;  // <Postmaster>, without a domain
};

struct Session {
  Settings settings;

  // What the client said; forgotten after STARTTLS (RFC 3207 §4.2).
  std::string helo;       // its name; empty before HELO, EHLO or LHLO
  bool extended = false;  // EHLO or LHLO
  Login login;            // null: not authenticated
  std::optional<Transaction> transaction;

  bool tls = false;

  // What is under way.
  enum class Auth { kNone, kExchange, kFinal };  // kFinal: the client has to confirm our last data
  Auth auth = Auth::kNone;
  Login auth_login;  // in kFinal: who it will be
  std::optional<Transaction> pending_sender;
  std::optional<PendingRecipient> pending_recipient;
  Step after_discard;  // the answer to a BDAT whose bytes are being dropped

  // Counted against limits.h.
  unsigned errors = 0;
  unsigned refused_recipients = 0;
  unsigned surplus_recipients = 0;  // beyond the limit of their transaction
  unsigned login_failures = 0;
  unsigned idle_commands = 0;
  unsigned messages = 0;

  bool is(Flavour flavour) const { return settings.flavour == flavour; }
  bool offers_auth() const {
    return is(Flavour::kSubmission) && tls && !settings.mechanisms.empty();
  }
};

// --- the steps that commands answer with

Step answer(int code, std::string_view enhanced, std::string text);
// Refuses a command; the client has made an error, of which it may make only so many.
Step client_error(Session& session, int code, std::string_view enhanced, std::string text);
// Refuses mail or a login for `reason`. Counts as an error, or not, as the caller decides.
Step refuse(int code, std::string_view enhanced, std::string text, std::string_view reason);

inline Step bad_sequence(Session& session, std::string text) {
  return client_error(session, 503, "5.5.1", std::move(text));
}
inline Step bad_arguments(Session& session, std::string text) {
  return client_error(session, 501, "5.5.4", std::move(text));
}

}  // namespace everpost::node::smtp
