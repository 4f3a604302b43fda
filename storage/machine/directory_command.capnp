# The commands of the directory shard, as they are in the meta of a TXN record. What they mean:
# storage/machine/directory_command.h. The bytes, with an example: docs/formats/directory_command.md.
#
# To evolve: add fields and commands at the end, with the next number; never renumber, never reuse.
# What an older program does not know makes it stop (kUnsupported), so a new command is used only
# from a raised feature level on.
@0xfeede5c31cbe87b0;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::storage::schema");

struct DirectoryTxn {
  opHour @0 :UInt32;      # hours since 1970
  opFrontend @1 :UInt32;  # the node that made the op_id
  opRandom @2 :UInt64;
  actor @3 :Text;
  commands @4 :List(DirectoryCommand);
}

struct DirectoryCommand {
  union {
    addDomain @0 :Text;     # its name
    removeDomain @1 :Text;  # its name
    addAccount @2 :AddAccount;
    removeAccount @3 :Text;  # its address
    updateAccount @4 :UpdateAccount;
    addAlias @5 :AddAlias;
    removeAlias @6 :Text;  # its address
    setSetting @7 :SetSetting;
    expireOps @8 :UInt32;  # hours since 1970: operations made before are forgotten
  }
}

struct Credentials {
  argon2id @0 :Text;         # libsodium's crypto_pwhash_str
  scramIterations @1 :UInt32;  # SCRAM-SHA-256, RFC 5802 §3
  scramSalt @2 :Data;
  scramStoredKey @3 :Data;
  scramServerKey @4 :Data;
}

struct AddAccount {
  address @0 :Text;
  displayName @1 :Text;
  shard @2 :UInt32;
  quotaBytes @3 :UInt64;  # 0: unlimited
  credentials @4 :Credentials;
}

struct UpdateAccount {
  address @0 :Text;
  displayName :union {
    keep @1 :Void;
    set @2 :Text;
  }
  quotaBytes :union {
    keep @3 :Void;
    set @4 :UInt64;
  }
  enabled :union {
    keep @5 :Void;
    set @6 :Bool;
  }
  credentials :union {
    keep @7 :Void;
    set @8 :Credentials;
  }
}

struct AddAlias {
  address @0 :Text;
  targets @1 :List(Text);
}

struct SetSetting {
  name @0 :Text;
  value :union {
    default @1 :Void;
    set @2 :Text;
  }
}
