# The commands of a mail shard, as they are in the meta of TXN records: docs/formats/mail_command.md.
# Evolves by adding fields and union members at the end only; a record stays readable for ever, and
# what a new member of Command means is gated by the record's feature level.
@0xd27e1e590f3fec8f;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::storage::wire");

struct MailTxn {
  opHour @0 :UInt32;
  opFrontend @1 :UInt32;
  opRandom @2 :UInt64;
  actor @3 :UInt64;         # account, 0 for the system
  commands @4 :List(Command);
}

struct Command {
  union {
    addMessage @0 :AddMessage;
    storeFlags @1 :StoreFlags;
    expunge @2 :Expunge;
    copyMessages @3 :CopyMessages;
    createMailbox @4 :CreateMailbox;
    renameMailbox @5 :RenameMailbox;
    deleteMailbox @6 :DeleteMailbox;
    subscribe @7 :Subscribe;
    claimRecent @8 :ClaimRecent;
    createAccount @9 :CreateAccount;
    setQuota @10 :SetQuota;
    deleteAccount @11 :DeleteAccount;
    queueAdd @12 :QueueAdd;
    queueDone @13 :QueueDone;
    expire @14 :Expire;
  }
}

struct Flags {
  system @0 :UInt16;        # bits: 1 \Seen, 2 \Answered, 4 \Flagged, 8 \Deleted, 16 \Draft
  keywords @1 :List(Text);
}

struct Content {
  upload @0 :Data;          # 16 bytes, or empty without staged chunks
  chunks @1 :UInt32;
  ownBytes @2 :UInt32;      # at the start of the record's body
  ownCrc @3 :UInt32;
  summaryBytes @4 :UInt32;  # behind them
  summaryCrc @5 :UInt32;
  size @6 :UInt64;
  guid @7 :Data;            # 16 bytes
}

# Ranges of UIDs: first, last, first, last, ...; ascending, apart from each other.
using UidSet = List(UInt32);

struct AddMessage {
  targets @0 :List(Target);
  content @1 :Content;
  flags @2 :Flags;
  internalDate @3 :Int64;   # microseconds since 1970; 0: the record's time
  enforceQuota @4 :Bool;

  struct Target {
    account @0 :UInt64;
    mailbox @1 :UInt64;     # 0: INBOX
  }
}

struct StoreFlags {
  mailbox @0 :UInt64;
  uids @1 :UidSet;
  mode @2 :Mode;
  flags @3 :Flags;
  conditional @4 :Bool;     # unchangedSince counts
  unchangedSince @5 :UInt64;

  enum Mode {
    replace @0;
    add @1;
    remove @2;
  }
}

struct Expunge {
  mailbox @0 :UInt64;
  uids @1 :UidSet;
  onlyDeleted @2 :Bool = true;
}

struct CopyMessages {
  source @0 :UInt64;
  uids @1 :UidSet;
  target @2 :UInt64;
  move @3 :Bool;
  enforceQuota @4 :Bool = true;
}

struct CreateMailbox {
  account @0 :UInt64;
  name @1 :Text;
  specialUse @2 :Text;
}

struct RenameMailbox {
  account @0 :UInt64;
  from @1 :Text;
  to @2 :Text;
}

struct DeleteMailbox {
  account @0 :UInt64;
  name @1 :Text;
}

struct Subscribe {
  account @0 :UInt64;
  name @1 :Text;
  on @2 :Bool = true;
}

struct ClaimRecent {
  mailbox @0 :UInt64;
}

struct CreateAccount {
  account @0 :UInt64;
  quotaBytes @1 :UInt64;
}

struct SetQuota {
  account @0 :UInt64;
  quotaBytes @1 :UInt64;
}

struct DeleteAccount {
  account @0 :UInt64;
}

struct QueueAdd {
  sender @0 :Text;
  envelopeId @1 :Text;
  ret @2 :Text;
  content @3 :Content;
  recipients @4 :List(Recipient);

  struct Recipient {
    address @0 :Text;
    account @1 :UInt64;
    shard @2 :UInt32;
    original @3 :Text;
    notify @4 :Text;
  }
}

struct QueueDone {
  queueId @0 :UInt64;
  recipients @1 :List(UInt16);
}

struct Expire {
  opsBefore @0 :UInt32;     # hours since 1970
  uploadsBefore @1 :Int64;  # microseconds since 1970
}
