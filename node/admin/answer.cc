#include "node/admin/answer.h"

#include <boost/json/object.hpp>

namespace everpost::node::admin {
namespace {

std::string_view usual_remedy(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBusy:
      return "try again in a few seconds";
    case ErrorCode::kUnavailable:
      return "try again in a few seconds; if it stays so, look into the daemon's log";
    case ErrorCode::kTimeout:
      return "it may still happen: look before you try again";
    case ErrorCode::kNoSpace:
      return "make room on the disk that holds the data folder";
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
      return "look into the daemon's log and the kernel's; run: everpost verify";
    case ErrorCode::kInternal:
      return "look into the daemon's log";
    default:
      return "";
  }
}

}  // namespace

Answer::Answer(Error error)
    : std::expected<json::value, Refusal>(std::unexpect,
                                          Refusal{error, std::string(usual_remedy(error.code))}) {}

unsigned http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kUnsupported:
      return 405;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict:
    case ErrorCode::kOverQuota:
    case ErrorCode::kLimit:
      return 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kBusy:
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotPrimary:
    case ErrorCode::kClosed:
      return 503;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kNoSpace:
      return 507;
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kFenced:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

json::object to_json(const Refusal& refusal) {
  json::object error;
  error["code"] = to_string(refusal.error.code);
  error["message"] = refusal.error.context;
  error["remedy"] = refusal.remedy;
  json::object result;
  result["error"] = std::move(error);
  return result;
}

}  // namespace everpost::node::admin
