// Errors as values. A function that can fail in a way its caller has to expect (peer gone, disk
// full, no such mailbox) returns a Result<T>; what cannot happen is an INVARIANT
// (base/invariant.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace everpost {

// What a caller branches on. The edges (SMTP, IMAP, admin) turn each into their protocol's reply.
enum class ErrorCode {
  kInvalidArgument,   // malformed or out of range; trying again will not help
  kNotFound,          // no such account, mailbox, message, file
  kAlreadyExists,     // the name is taken
  kPermissionDenied,  // wrong credentials, or not allowed
  kOverQuota,         // the account's quota would be exceeded
  kLimit,             // another limit (keywords in a mailbox, mailboxes in an account, recipients)
  kTooLarge,          // message, line or literal above its limit
  kConflict,          // a condition did not hold (STORE UNCHANGEDSINCE)
  kNoSpace,           // this disk is full
  kIo,                // a system call failed; nobody knows what reached the disk
  kCorrupt,           // a checksum or format check failed
  kFenced,            // a newer epoch exists
  kNotPrimary,        // ask another node
  kBusy,              // a bound was reached: try again soon
  kUnavailable,       // not now: starting, stopping, in failover
  kTimeout,           // the deadline passed; the operation may still happen
  kClosed,            // the peer or this object was closed
  kUnsupported,       // a newer format or feature than this program knows
  kInternal,          // a library failed in a way that has no better name
};

std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code{};
  std::string context;  // what an operator reads: "append lsn=42 to 000007.log: no space left"
};

// "append lsn=42 to 000007.log: no space left [no-space]"
std::string to_string(const Error& error);

// The same error with what this layer knows in front of its context: "open shard 7: <context>".
Error in_context(std::string_view what, Error error);

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}  // NOLINT
};

}  // namespace everpost

// Leave the function with the error, if there is one. CO_ in a coroutine.
#define RETURN_IF_ERROR(...) \
  if (auto r_ = (__VA_ARGS__); !r_) return std::move(r_).error()
#define CO_CHECK(...) \
  if (auto r_ = (__VA_ARGS__); !r_) co_return std::move(r_).error()

#define EVERPOST_CONCAT_(a, b) a##b
#define EVERPOST_CONCAT(a, b) EVERPOST_CONCAT_(a, b)
// ASSIGN_OR_RETURN(auto file, env.open(path)): the value, or leave with the error. CO_ in a
// coroutine.
#define ASSIGN_OR_RETURN(target, ...) \
  ASSIGN_OR_RETURN_(EVERPOST_CONCAT(result_, __LINE__), return, target, __VA_ARGS__)
#define CO_ASSIGN_OR_RETURN(target, ...) \
  ASSIGN_OR_RETURN_(EVERPOST_CONCAT(result_, __LINE__), co_return, target, __VA_ARGS__)
#define ASSIGN_OR_RETURN_(result, leave, target, ...) \
  auto result = (__VA_ARGS__);                        \
  if (!result) leave std::move(result).error();       \
  target = *std::move(result)
