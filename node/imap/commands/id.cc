// ID, RFC 2971: the client's name goes to the log, ours to the client.
#include "node/imap/commands/commands.h"
#include "node/imap/session/format.h"
#include "node/imap/syntax/ascii.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kClientBytesMax = 80;

}  // namespace

Task<Reply> run_id(Session& session, IdCommand command) {
  std::string client;
  for (const auto& [field, value] : command.fields) {
    if (!value || (!equal_no_case(field, "name") && !equal_no_case(field, "version"))) continue;
    if (!client.empty()) client += ' ';
    client += printable(*value);
  }
  session.client = client.substr(0, kClientBytesMax);
  // The version is nobody's business before the login.
  session.out << "* ID (\"name\" \"Everpost\""
              << (session.login ? " \"version\" \"" EVERPOST_VERSION "\"" : "") << ")\r\n";
  co_return ok("ID completed");
}

}  // namespace everpost::node::imap
