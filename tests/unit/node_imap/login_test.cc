// Before the login, and how sessions end.
#include "tests/unit/node_imap/server.h"

namespace everpost::node::imap {
namespace {

TEST(Login, OpensTheAccountWithItsMailboxes) {
  Server server;
  Client client(server);
  client.play(R"(
    C: a CAPABILITY
    S: * CAPABILITY IMAP4rev1 LITERAL+ ... AUTH=PLAIN...
    S: a OK ...
    C: b LOGIN ann@example.test secret
    S: b OK [CAPABILITY IMAP4rev1 LITERAL+ ... APPENDLIMIT=4194304] Logged in
    C: c LIST "" INBOX
    S: * LIST (\HasNoChildren) "/" INBOX
    S: c OK ...
    C: d LOGIN ann@example.test secret
    S: d BAD LOGIN is not possible in this state
    C: e LOGOUT
    S: * BYE ...
    S: e OK ...
    S: (closed)
  )");
}

TEST(Login, TakesLiteralsOfBothKinds) {
  Server server;
  Client client(server);
  client.play(R"(
    C: a LOGIN {16}
    S: + ...
    C: ann@example.test {6+}
    C: secret
    S: a OK ...
  )");
}

TEST(Login, IsRefusedAFewTimesThenTheSessionEnds) {
  Server server;
  Client client(server);
  client.play(R"(
    C: a LOGIN ann@example.test wrong
    S: a NO [AUTHENTICATIONFAILED] ...
    C: b SELECT INBOX
    S: b BAD SELECT is not possible before the login
    C: c LOGIN nobody@example.test secret
    S: c NO [AUTHENTICATIONFAILED] ...
    C: d AUTHENTICATE PLAIN AGFubkBleGFtcGxlLnRlc3QAd3Jvbmc=
    S: * BYE ...
    S: d NO [AUTHENTICATIONFAILED] ...
    S: (closed)
  )");
}

TEST(Login, ByPlainWithAndWithoutAnInitialResponse) {
  Server server;
  // NUL ann@example.test NUL secret
  Client(server).play(R"(
    C: a AUTHENTICATE PLAIN AGFubkBleGFtcGxlLnRlc3QAc2VjcmV0
    S: a OK [CAPABILITY ...
  )");
  Client(server).play(R"(
    C: a AUTHENTICATE PLAIN
    S: +...
    C: AGFubkBleGFtcGxlLnRlc3QAc2VjcmV0
    S: a OK [CAPABILITY ...
  )");
}

TEST(Login, CanBeCancelled) {
  Server server;
  Client(server).play(R"(
    C: a AUTHENTICATE PLAIN
    S: +...
    C: *
    S: a BAD ...
    C: b AUTHENTICATE PLAIN
    S: +...
    C: ?
    S: b BAD ...
    C: c LOGIN ann@example.test secret
    S: c OK ...
  )");
  Client(server).play(R"(
    C: a AUTHENTICATE FOO
    S: a NO ...
  )");
}

TEST(Login, NeedsTlsWherePlainTextIsNotAllowed) {
  Server server(true);
  Client client(server);
  client.play(R"(
    C: a CAPABILITY
    S: * CAPABILITY ... STARTTLS LOGINDISABLED AUTH=SCRAM-SHA-256
    S: a OK ...
    C: b LOGIN ann@example.test secret
    S: b NO [PRIVACYREQUIRED] ...
    C: c AUTHENTICATE PLAIN AGFubkBleGFtcGxlLnRlc3QAc2VjcmV0
    S: c NO [PRIVACYREQUIRED] ...
  )");
  client.start_tls();
  client.play(R"(
    C: d CAPABILITY
    S: * CAPABILITY ... AUTH=PLAIN...
    S: d OK ...
    C: e STARTTLS
    S: e BAD ...
    C: f LOGIN ann@example.test secret
    S: f OK ...
  )");
}

TEST(Login, WhatIsSentBeforeTheHandshakeIsForgotten) {
  Server server(true);
  Client client(server);
  client.send("tls STARTTLS\r\nevil CAPABILITY\r\n");
  client.expect("tls OK ...");
  Client other(server);  // the server is alive
  other.play("C: a NOOP\nS: a OK ...");
}

TEST(Session, EndsAfterTooManyBadCommands) {
  Server server;
  Client(server).play(R"(
    C: GET / HTTP/1.1
    S: GET BAD unknown command
    C: Host: example.test
    S: Host: BAD unknown command
    C: Accept: *
    S: Accept: BAD ...
    S: * BYE ...
    S: (closed)
  )");
}

TEST(Session, EndsWhenNobodySaysAnything) {
  Server server(false, {.login = std::chrono::milliseconds{20}});
  Client(server).play(R"(
    S: * BYE Autologout...
    S: (closed)
  )");
}

TEST(Session, SaysGoodbyeWhenTheServerStops) {
  Server server;
  Client idle(server), idling(server, "ann");
  idling.play("C: a IDLE\nS: + idling");
  server.stop();
  idle.play("S: * BYE [UNAVAILABLE] ...\nS: (closed)");
  idling.play("S: * BYE [UNAVAILABLE] ...\nS: (closed)");
}

TEST(Session, DoesNotStopInTheMiddleOfPipelinedCommands) {
  Server server;
  Client client(server, "ann");
  client.send("a NOOP\r\nb NAMESPACE\r\nc ID NIL\r\nd ENABLE CONDSTORE X-FOO\r\ne LOGOUT\r\n");
  client.play(R"(
    S: a OK ...
    S: * NAMESPACE (("" "/")) NIL NIL
    S: b OK ...
    S: * ID ("name" "Everpost" "version" "...")
    S: c OK ...
    S: * ENABLED CONDSTORE
    S: d OK ...
    S: * BYE ...
    S: e OK ...
    S: (closed)
  )");
}

TEST(Session, OutlivesRefusedLiterals) {
  Server server;
  Client client(server, "ann");
  client.send("a SELECT {2000000}\r\nb SELECT {1500000+}\r\n" + std::string(1500000, '\n') +
              "\r\nc NOOP\r\n");
  client.play(R"(
    S: a NO [TOOBIG] ...
    S: b NO [TOOBIG] ...
    S: c OK ...
  )");
}

}  // namespace
}  // namespace everpost::node::imap
