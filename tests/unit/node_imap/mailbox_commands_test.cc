// CREATE, DELETE, RENAME, LIST, LSUB, SUBSCRIBE, STATUS, SELECT: dialogues.
#include "tests/unit/node_imap/server.h"

namespace everpost::node::imap {
namespace {

class Mailboxes : public testing::Test {
 protected:
  Server server;
  Client client{server, "ann"};
};

// NIL without quotes would be read as no name at all (RFC 3501 §4.5).
TEST_F(Mailboxes, MayBeNamedNil) {
  client.play(R"(
    C: a CREATE nil
    S: a OK ...
    C: b CREATE nil/Nile
    S: b OK ...
    C: c LIST "" nil*
    S: * LIST (\HasChildren) "/" "nil"
    S: * LIST (\HasNoChildren) "/" nil/Nile
    S: c OK ...
    C: d STATUS "nil" (MESSAGES)
    S: * STATUS "nil" (MESSAGES 0)
    S: d OK ...
  )");
}

TEST_F(Mailboxes, AreMadeRenamedAndDeleted) {
  client.play(R"(
    C: a CREATE Work/2024/
    S: a OK ...
    C: b CREATE Work/2024
    S: b NO [ALREADYEXISTS] ...
    C: c CREATE inbox
    S: c NO [ALREADYEXISTS] ...
    C: d CREATE a//b
    S: d NO [CANNOT] ...
    C: e CREATE Entw&APw-rfe
    S: e OK ...
    C: f RENAME Work Play
    S: f OK ...
    C: g LIST "" "Play*"
    S: * LIST (\HasChildren) "/" Play
    S: * LIST (\HasNoChildren) "/" Play/2024
    S: g OK ...
    C: h RENAME Work X
    S: h NO [NONEXISTENT] ...
    C: i RENAME Play INBOX
    S: i NO [ALREADYEXISTS] ...
    C: j DELETE Play
    S: j OK ...
    C: k LIST "" "Play*"
    S: * LIST (\Noselect \HasChildren) "/" Play
    S: * LIST (\HasNoChildren) "/" Play/2024
    S: k OK ...
    C: l DELETE Play
    S: l NO [CANNOT] ...
    C: m SELECT Play
    S: m NO [NONEXISTENT] ...
    C: n DELETE INBOX
    S: n NO [CANNOT] ...
    C: o DELETE Nothing
    S: o NO [NONEXISTENT] ...
    C: p LIST "" Entw%
    S: * LIST (\HasNoChildren) "/" Entw&APw-rfe
    S: p OK ...
  )");
}

TEST_F(Mailboxes, HaveSpecialUses) {
  client.play(R"(
    C: a LIST (SPECIAL-USE) "" "*"
    S: * LIST (\HasNoChildren \Archive) "/" Archive
    S: * LIST (\HasNoChildren \Drafts) "/" Drafts
    S: * LIST (\HasNoChildren \Junk) "/" Junk
    S: * LIST (\HasNoChildren \Sent) "/" Sent
    S: * LIST (\HasNoChildren \Trash) "/" Trash
    S: a OK ...
    C: b CREATE Other (USE (\Sent))
    S: b NO [USEATTR] another mailbox has this special use
    C: c CREATE Other (USE (\All))
    S: c NO [USEATTR] ...
    C: d DELETE Sent
    S: d OK ...
    C: e CREATE Other (USE (\sent))
    S: e OK ...
    C: f LIST "" Other RETURN (SPECIAL-USE)
    S: * LIST (\HasNoChildren \Sent) "/" Other
    S: f OK ...
  )");
}

TEST_F(Mailboxes, AreSubscribedByName) {
  client.play(R"(
    C: a UNSUBSCRIBE Archive
    S: a OK ...
    C: b SUBSCRIBE Not/There
    S: b OK ...
    C: c LSUB "" "%"
    S: * LSUB () "/" Drafts
    S: * LSUB () "/" INBOX
    S: * LSUB () "/" Junk
    S: * LSUB (\Noselect) "/" Not
    S: * LSUB () "/" Sent
    S: * LSUB () "/" Trash
    S: c OK ...
    C: d LIST (SUBSCRIBED) "" "Not*" RETURN (CHILDREN)
    S: * LIST (\NonExistent \HasNoChildren \Subscribed) "/" Not/There
    S: d OK ...
    C: e LIST "" ""
    S: * LIST (\Noselect) "/" ""
    S: e OK ...
  )");
}

TEST_F(Mailboxes, TellTheirStatus) {
  client.append("INBOX", kMessage);
  client.append("INBOX", kMessage, "(\\Seen)");
  client.play(R"(
    C: a STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN SIZE APPENDLIMIT)
    S: * STATUS INBOX (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 SIZE 298 APPENDLIMIT 4194304)
    S: a OK ...
    C: b STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)
    S: * STATUS INBOX (UIDVALIDITY ... HIGHESTMODSEQ ...)
    S: b OK ...
    C: c STATUS Nothing (MESSAGES)
    S: c NO [NONEXISTENT] ...
    C: d LIST "" (INBOX Sent) RETURN (STATUS (MESSAGES))
    S: * LIST (\HasNoChildren) "/" INBOX
    S: * STATUS INBOX (MESSAGES 2)
    S: * LIST (\HasNoChildren \Sent) "/" Sent
    S: * STATUS Sent (MESSAGES 0)
    S: d OK ...
  )");
}

TEST_F(Mailboxes, AreSelected) {
  client.append("INBOX", kMessage, "(\\Seen)");
  client.append("INBOX", kMessage, "(work)");
  client.play(R"(
    C: a EXAMINE INBOX
    S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft work)
    S: * OK [PERMANENTFLAGS ()] ...
    S: * 2 EXISTS
    S: * 2 RECENT
    S: * OK [UNSEEN 2] ...
    S: * OK [UIDVALIDITY ...] ...
    S: * OK [UIDNEXT 3] ...
    S: * OK [HIGHESTMODSEQ ...] ...
    S: a OK [READ-ONLY] ...
    C: b STORE 1 +FLAGS (\Deleted)
    S: b NO ...
    C: c SELECT INBOX
    S: * OK [CLOSED] ...
    S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft work)
    S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft work \*)] ...
    S: * 2 EXISTS
    S: * 2 RECENT
    S: * OK [UNSEEN 2] ...
    S: * OK [UIDVALIDITY ...] ...
    S: * OK [UIDNEXT 3] ...
    S: * OK [HIGHESTMODSEQ ...] ...
    S: c OK [READ-WRITE] ...
    C: d STATUS INBOX (RECENT)
    S: * STATUS INBOX (RECENT 0)
    S: d OK ...
    C: e SELECT Nothing
    S: * OK [CLOSED] ...
    S: e NO [NONEXISTENT] ...
    C: f CHECK
    S: f BAD CHECK is not possible in this state
    C: g SELECT INBOX (CONDSTORE)
    S: * FLAGS ...
    S: * OK [PERMANENTFLAGS ...
    S: * 2 EXISTS
    S: * 0 RECENT
    S: * OK [UNSEEN 2] ...
    S: * OK [UIDVALIDITY ...] ...
    S: * OK [UIDNEXT 3] ...
    S: * OK [HIGHESTMODSEQ ...] ...
    S: g OK [READ-WRITE] ...
    C: h UNSELECT
    S: h OK ...
    C: i UNSELECT
    S: i BAD ...
  )");
}

TEST_F(Mailboxes, ThatAreDeletedEndTheSessionsOfOthers) {
  client.play("C: a CREATE Box\nS: a OK ...");
  Client other(server, "ann");
  other.send("a SELECT Box\r\n");
  while (!other.line().starts_with("a OK")) {
  }
  other.play("C: b IDLE\nS: + idling");
  client.send("b SELECT Box\r\n");
  while (!client.line().starts_with("b OK")) {
  }
  client.play(R"(
    C: c DELETE Box
    S: * OK [CLOSED] ...
    S: c OK ...
    C: d CHECK
    S: d BAD ...
  )");
  other.play("S: * BYE ...\nS: (closed)");
}

TEST_F(Mailboxes, RenamingInboxMovesItsMessages) {
  client.append("INBOX", kMessage);
  client.send("s SELECT INBOX\r\n");
  while (!client.line().starts_with("s OK")) {
  }
  client.play(R"(
    C: a RENAME INBOX Old
    S: * 1 EXPUNGE
    S: a OK ...
    C: b STATUS Old (MESSAGES)
    S: * STATUS Old (MESSAGES 1)
    S: b OK ...
  )");
}

}  // namespace
}  // namespace everpost::node::imap
