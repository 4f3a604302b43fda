@0xd5f1c7e8a0b34c19;
# A message's structure as it is stored beside the message: docs/formats/mime_summary.md. Packed.
# Fields are only added; `format` grows when an old reader must not go on.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("everpost::node::mime::schema");

struct Summary {
  format @0 :UInt16;
  envelope @1 :Envelope;
  parts @2 :List(Part);  # each before its children
}

struct Part {
  # Positions grow from part to part, so differences are small numbers.
  gapBytes @0 :UInt64;     # from the end of what is before (the parent's header, or the part before)
  headerBytes @1 :UInt64;
  bodyBytes @2 :UInt64;
  bodyLines @3 :UInt64;
  children @4 :UInt16;
  knownType @5 :UInt8;      # a place in summary_format.h's kTypes, instead of type and subtype
  knownEncoding @6 :UInt8;  # a place in kEncodings, instead of encoding
  type @7 :Text;
  subtype @8 :Text;
  encoding @9 :Text;
  parameters @10 :List(Text);  # name, value, name, value ...
  disposition @11 :Text;
  dispositionParameters @12 :List(Text);
  id @13 :Text;
  description @14 :Text;
  md5 @15 :Text;
  language @16 :Text;
  location @17 :Text;
  envelope @18 :Envelope;  # of a message/rfc822
}

struct Envelope {
  date @0 :Text;
  subject @1 :Text;
  messageId @2 :Text;
  inReplyTo @3 :Text;
  from @4 :List(Address);
  to @5 :List(Address);
  cc @6 :List(Address);
  bcc @7 :List(Address);
  sender @8 :List(Address);   # absent: as `from`
  replyTo @9 :List(Address);  # absent: as `from`
}

struct Address {
  mailbox @0 :Text;
  host @1 :Text;
  name @2 :Text;
  route @3 :Text;
}
