// The tagged response that ends a command (RFC 3501 §7.1), and how errors of the layers below are
// told to the client.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace everpost::node::imap {

struct Reply {
  enum class Status {
    kOk,
    kNo,
    kBad,
    kSent,  // the command has written it itself
  };
  Status status = Status::kOk;
  std::string text;  // a response code in brackets may come first (RFC 5530)
};

inline Reply ok(std::string text) { return {Reply::Status::kOk, std::move(text)}; }
inline Reply no(std::string text) { return {Reply::Status::kNo, std::move(text)}; }
inline Reply bad(std::string text) { return {Reply::Status::kBad, std::move(text)}; }

// NO with the response code that fits. The context goes to the log, not to the client.
Reply refused(const Error& error);
// The same where a missing mailbox may be made first: COPY, MOVE, APPEND (RFC 3501 §7.1 TRYCREATE).
Reply refused_target(const Error& error);

}  // namespace everpost::node::imap
