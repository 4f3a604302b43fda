#include "storage/env/env.h"

namespace everpost::storage {
namespace {

Result<void> write_and_sync(Env& env, const std::string& path, Bytes contents) {
  ASSIGN_OR_RETURN(auto file, env.open(path, Env::Open::kTruncate));
  RETURN_IF_ERROR(file->write(0, contents));
  return file->sync();
}

}  // namespace

std::string parent_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_file_atomically(Env& env, const std::string& path, Bytes contents) {
  const std::string temporary = path + ".tmp";
  if (auto written = write_and_sync(env, temporary, contents); !written) {
    // Left behind it would do no harm: the next call empties it first.
    (void)env.remove(temporary);
    return written;
  }
  RETURN_IF_ERROR(env.rename(temporary, path));
  return env.sync_folder(parent_folder(path));
}

Result<std::string> read_file(Env& env, const std::string& path, std::uint64_t bytes_max) {
  ASSIGN_OR_RETURN(const auto file, env.open(path, Env::Open::kRead));
  ASSIGN_OR_RETURN(const std::uint64_t bytes, file->size());
  if (bytes > bytes_max)
    return Error{ErrorCode::kTooLarge, "read " + path + ": " + std::to_string(bytes) +
                                           " bytes, at most " + std::to_string(bytes_max) +
                                           " expected"};
  std::string contents(bytes, '\0');
  ASSIGN_OR_RETURN(const std::size_t got,
                   file->read(0, std::as_writable_bytes(std::span(contents))));
  contents.resize(got);
  return contents;
}

}  // namespace everpost::storage
