// LOGIN, RFC 3501 §6.2.3.
#include "node/imap/commands/commands.h"
#include "node/imap/commands/log_in.h"

namespace everpost::node::imap {

Task<Reply> run_login(Session& session, LoginCommand command) {
  // RFC 3501 §6.2.3: LOGINDISABLED. The password has been seen by others already, if it was right.
  if (!session.plaintext_allowed())
    co_return no("[PRIVACYREQUIRED] passwords are only taken under TLS");  // RFC 5530
  auto login = co_await session.services.authenticator.check_password(
      std::move(command.user), std::move(command.password), login_client(session));
  if (!login) co_return co_await refuse_login(session, std::move(login).error(), "LOGIN");
  co_return co_await log_in(session, *std::move(login), "LOGIN");
}

}  // namespace everpost::node::imap
