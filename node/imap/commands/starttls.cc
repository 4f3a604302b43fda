// STARTTLS, RFC 3501 §6.2.1.
#include "node/imap/commands/commands.h"

namespace everpost::node::imap {

Task<Reply> run_starttls(Session& session, StartTlsCommand) {
  if (session.connection.tls()) co_return bad("TLS is on already");
  if (!session.services.tls) co_return no("[UNAVAILABLE] this server has no certificate");
  session.out << session.tag << " OK Begin TLS negotiation now\r\n";
  CO_CHECK(co_await session.out.flush());
  // Drops what came before the handshake: a command injected in the clear would otherwise count
  // as said under TLS (CVE-2011-0411).
  CO_CHECK(co_await session.connection.start_tls(*session.services.tls, session.patience()));
  session.client.clear();  // RFC 3501 §6.2.1: what was learned in the clear is forgotten
  co_return Reply{Reply::Status::kSent, {}};
}

}  // namespace everpost::node::imap
