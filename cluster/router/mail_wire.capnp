# What a node asks of the primary of a shard, and what it answers: cluster/router/mail_wire.h, which also
# has the bytes around these structs. Evolves by adding fields and union members at the end only; a node
# that does not know a member answers `unsupported`.
@0xbd7a0c5f2e914d63;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::cluster::wire");

# Sets of UIDs, packed: cluster/router/uid_pack.h.
using Uids = Data;

struct Request {
  shard @0 :UInt32;
  union {
    submit @1 :Data;           # a MailTxn (storage/machine/mail_command.capnp); attached: its body
    stage @2 :Stage;           # attached: the chunk
    abortUpload @3 :Data;      # the upload, 16 bytes
    account @4 :UInt64;
    mailboxes @5 :NamesPage;
    subscriptions @6 :NamesPage;
    findMailbox @7 :FindMailbox;
    openMailbox @8 :UInt64;
    messages @9 :Messages;
    changes @10 :Changes;
    read @11 :List(ByteRange);
    queue @12 :Queue;
    watch @13 :Watch;
    submitDirectory @14 :Data; # a DirectoryTxn (storage/machine/directory_command.capnp)
  }

  struct Stage {
    upload @0 :Data;           # 16 bytes
    n @1 :UInt32;
  }
  struct NamesPage {           # those behind `after`, which is empty at first
    account @0 :UInt64;
    after @1 :Text;
  }
  struct FindMailbox {
    account @0 :UInt64;
    name @1 :Text;
  }
  struct Messages {
    mailbox @0 :UInt64;
    uids @1 :Uids;
    limit @2 :UInt32;
  }
  struct Changes {
    mailbox @0 :UInt64;
    since @1 :UInt64;
  }
  struct Queue {
    from @0 :UInt64;
    limit @1 :UInt32;
  }
  struct Watch {               # cluster/router/watch_server.h
    session @0 :UInt64;        # random
    seq @1 :UInt64;            # of this request in its session, from 1 on
    heard @2 :UInt64;          # seq of the last answer that arrived
    add @3 :List(WatchKey);
    remove @4 :List(WatchKey);
    waitMs @5 :UInt32;
  }
}

struct ByteRange {
  extents @0 :List(Extent);
  offset @1 :UInt64;
  bytes @2 :UInt64;
}

struct WatchKey {
  id @0 :UInt64;
  kind @1 :UInt8;              # 0 mailbox, 1 account
}

struct Answer {
  union {
    error @0 :Error;
    nothing @1 :Void;          # done, nothing to tell
    outcome @2 :MailOutcome;
    extent @3 :Extent;
    account @4 :AccountInfo;
    mailbox @5 :MailboxInfo;
    mailboxes @6 :Mailboxes;
    names @7 :Names;
    openMailbox @8 :OpenMailbox;
    messages @9 :Messages;
    changes @10 :Changes;
    texts @11 :List(UInt32);   # the bytes of each; attached: the texts
    queue @12 :Queue;
    fired @13 :Fired;
    directoryOutcome @14 :DirectoryOutcome;
  }

  # `more`: there are others behind the last one here, ask for them.
  struct Mailboxes {
    mailboxes @0 :List(MailboxInfo);
    more @1 :Bool;
    view @2 :UInt32;           # a checksum of all of the account's: differs once one has another name
  }
  struct Names {
    names @0 :List(Text);
    more @1 :Bool;
  }
  struct OpenMailbox {
    mailbox @0 :MailboxInfo;
    uids @1 :Uids;
    firstUnseen @2 :UInt32;
  }
  struct Messages {
    messages @0 :List(MessageInfo);
    more @1 :Bool;
  }
  struct Changes {
    mailbox @0 :MailboxInfo;
    changed @1 :List(MessageInfo);
    more @2 :Uids;
    vanished @3 :Uids;
  }
  struct Queue {
    entries @0 :List(QueueEntry);
    more @1 :Bool;
  }
  struct Fired {
    keys @0 :List(WatchKey);
  }
}

struct Error {
  code @0 :Text;               # base/result.h's name of it
  context @1 :Text;
}

struct Extent {
  at @0 :UInt64;
  bytes @1 :UInt32;
  crc @2 :UInt32;
}

struct AccountInfo {
  id @0 :UInt64;
  quotaBytes @1 :UInt64;
  usedBytes @2 :UInt64;
  messages @3 :UInt64;
}

struct MailboxInfo {
  id @0 :UInt64;
  account @1 :UInt64;
  name @2 :Text;
  specialUse @3 :Text;
  selectable @4 :Bool = true;
  uidValidity @5 :UInt32;
  uidNext @6 :UInt32;
  firstRecent @7 :UInt32;
  highestModseq @8 :UInt64;
  messages @9 :UInt32;
  unseen @10 :UInt32;
  deleted @11 :UInt32;
  bytes @12 :UInt64;
  keywords @13 :List(Text);
}

struct MessageInfo {
  uid @0 :UInt32;
  modseq @1 :UInt64;
  internalDate @2 :Int64;      # microseconds since 1970, as all times here
  saveDate @3 :Int64;
  size @4 :UInt64;
  flags @5 :UInt16;            # bits: 1 \Seen, 2 \Answered, 4 \Flagged, 8 \Deleted, 16 \Draft
  keywords @6 :List(Text);
  guid @7 :Data;               # 16 bytes
  content @8 :List(Extent);
  summary @9 :Extent;
}

struct QueueEntry {
  queueId @0 :UInt64;
  accepted @1 :Int64;
  sender @2 :Text;
  envelopeId @3 :Text;
  ret @4 :Text;
  size @5 :UInt64;
  guid @6 :Data;               # 16 bytes
  content @7 :List(Extent);
  summary @8 :Extent;
  recipients @9 :List(Recipient);

  struct Recipient {
    address @0 :Text;
    account @1 :UInt64;
    shard @2 :UInt32;
    original @3 :Text;
    notify @4 :Text;
    done @5 :Bool;
  }
}

struct MailOutcome {
  lsn @0 :UInt64;
  repeated @1 :Bool;
  error @2 :Error;             # none: not refused
  results @3 :List(MailResult);
}

struct MailResult {
  union {
    done @0 :Void;
    added @1 :List(Added);
    stored @2 :Stored;
    expunged @3 :Expunged;
    copied @4 :Copied;
    created @5 :Created;
    firstRecent @6 :UInt32;
    queueId @7 :UInt64;
  }

  struct Added {
    error @0 :Error;           # none: it was added
    mailbox @1 :UInt64;
    uidValidity @2 :UInt32;
    uid @3 :UInt32;
    modseq @4 :UInt64;
  }
  struct Stored {
    changed @0 :Uids;
    modified @1 :Uids;
    modseq @2 :UInt64;
  }
  struct Expunged {
    uids @0 :Uids;
    modseq @1 :UInt64;
  }
  struct Copied {
    uidValidity @0 :UInt32;
    from @1 :List(UInt32);
    to @2 :List(UInt32);
    sourceModseq @3 :UInt64;
  }
  struct Created {
    mailbox @0 :UInt64;
    uidValidity @1 :UInt32;
  }
}

struct DirectoryOutcome {
  lsn @0 :UInt64;
  repeated @1 :Bool;
  error @2 :Error;             # none: not refused
  account @3 :Account;         # of account commands

  struct Account {
    id @0 :UInt64;
    shard @1 :UInt32;
    address @2 :Text;
    displayName @3 :Text;
    quotaBytes @4 :UInt64;
    enabled @5 :Bool;
    created @6 :Int64;
  }
}
