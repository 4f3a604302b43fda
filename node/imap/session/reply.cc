#include "node/imap/session/reply.h"

namespace everpost::node::imap {

// Response codes: RFC 5530 §3, but for TRYCREATE (RFC 3501 §7.1) and TOOBIG (RFC 4469 §4.2).
Reply refused(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return no("[CANNOT] " + error.context);
    case ErrorCode::kNotFound:
      return no("[NONEXISTENT] no such mailbox");
    case ErrorCode::kAlreadyExists:
      return no("[ALREADYEXISTS] there is a mailbox with this name");
    case ErrorCode::kPermissionDenied:
      return no("[NOPERM] not allowed");
    case ErrorCode::kOverQuota:
      return no("[OVERQUOTA] the account's quota would be exceeded");
    case ErrorCode::kLimit:
      return no("[LIMIT] " + error.context);
    case ErrorCode::kTooLarge:
      return no("[TOOBIG] too large");
    case ErrorCode::kConflict:
      return no("[INUSE] the mailbox is in use");
    case ErrorCode::kBusy:
      return no("[LIMIT] too much is going on, try again in a moment");
    case ErrorCode::kNoSpace:
    case ErrorCode::kFenced:
    case ErrorCode::kNotPrimary:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
    case ErrorCode::kClosed:
      return no("[UNAVAILABLE] try again later");
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return no("[SERVERBUG] internal error, the server's log has the details");
    case ErrorCode::kUnsupported:
      return no("[CANNOT] not supported");
  }
  return no("[SERVERBUG] internal error");
}

Reply refused_target(const Error& error) {
  if (error.code == ErrorCode::kNotFound) return no("[TRYCREATE] no such mailbox");
  return refused(error);
}

}  // namespace everpost::node::imap
