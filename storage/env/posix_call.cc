#include "storage/env/posix_call.h"

#include <system_error>

namespace everpost::storage::posix {
namespace {

ErrorCode code_of(int error) {
  switch (error) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
      return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case EMFILE:
    case ENFILE:
      return ErrorCode::kBusy;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kIo;
  }
}

std::string text_of(int error) { return std::system_category().message(error); }

}  // namespace

Error failed(std::string_view call, const std::string& path, int error) {
  return {code_of(error), std::string(call) + " " + path + ": " + text_of(error)};
}

Error failed(std::string_view call, const std::string& path, std::uint64_t offset,
             std::uint64_t bytes, int error) {
  return {code_of(error), std::string(call) + " " + path + " at " + std::to_string(offset) +
                              " of " + std::to_string(bytes) + " bytes: " + text_of(error)};
}

}  // namespace everpost::storage::posix
