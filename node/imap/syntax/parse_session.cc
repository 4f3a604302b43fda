// ID, AUTHENTICATE, LOGIN, ENABLE.
#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/base64.h"
#include "node/imap/syntax/rules.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kIdFieldsMax = 30;  // RFC 2971 §3.3
constexpr std::size_t kEnableMax = 100;

}  // namespace

IdCommand parse_id(Cursor& cursor) {
  IdCommand command;
  cursor.space();
  if (cursor.take_word("NIL")) return command;
  cursor.expect('(');
  if (cursor.take(')')) return command;
  do {
    std::string field = cursor.string();
    cursor.space();
    command.fields.emplace_back(std::move(field), cursor.nstring());
    if (command.fields.size() > kIdFieldsMax) cursor.fail("too many fields");
  } while (cursor.take(' '));
  cursor.expect(')');
  return command;
}

AuthenticateCommand parse_authenticate(Cursor& cursor) {
  AuthenticateCommand command;
  cursor.space();
  command.mechanism = cursor.upper_atom();
  if (!cursor.take(' ')) return command;
  if (cursor.take('=')) {  // RFC 4959 §3: an initial response of no bytes
    command.initial.emplace();
    return command;
  }
  command.initial = decode_base64(cursor.atom());
  if (!command.initial) cursor.fail("not base64");
  return command;
}

LoginCommand parse_login(Cursor& cursor) {
  LoginCommand command;
  cursor.space();
  command.user = cursor.astring();
  cursor.space();
  command.password = cursor.astring();
  return command;
}

EnableCommand parse_enable(Cursor& cursor) {
  EnableCommand command;
  cursor.space();
  do {
    command.capabilities.push_back(cursor.upper_atom());
    if (command.capabilities.size() > kEnableMax) cursor.fail("too many capabilities");
  } while (cursor.take(' '));
  return command;
}

}  // namespace everpost::node::imap
