#include "storage/env/posix_env.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>

#include "storage/env/posix_call.h"
#include "storage/env/posix_file.h"

namespace everpost::storage {

using posix::Descriptor;
using posix::failed;
using posix::retry;

Result<std::unique_ptr<File>> PosixEnv::open(const std::string& path, Open mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Open::kRead:
      flags |= O_RDONLY;
      break;
    case Open::kReadUncached:
      flags |= O_RDONLY | O_DIRECT;
      break;
    case Open::kWrite:
      flags |= O_RDWR;
      break;
    case Open::kCreate:
      flags |= O_RDWR | O_CREAT;
      break;
    case Open::kTruncate:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  int fd = retry([&] { return ::open(path.c_str(), flags, 0600); });
  const bool direct = fd >= 0 && mode == Open::kReadUncached;
  if (fd < 0 && errno == EINVAL && mode == Open::kReadUncached)
    fd = retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (fd < 0) return failed("open", path, errno);
  return make_posix_file(path, fd, direct);
}

Result<bool> PosixEnv::exists(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return failed("stat", path, errno);
}

Result<std::vector<std::string>> PosixEnv::list(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), &::closedir);
  if (!stream) return failed("list", folder, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failed("list", folder, errno);
  std::ranges::sort(names);
  return names;
}

Result<void> PosixEnv::make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return failed("mkdir", path, errno);
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return failed("stat", path, errno);
  if (!S_ISDIR(status.st_mode)) return failed("mkdir", path, EEXIST);
  return {};
}

Result<void> PosixEnv::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed("remove", path, errno);
  return {};
}

Result<void> PosixEnv::remove_folder(const std::string& path) {
  if (::rmdir(path.c_str()) != 0) return failed("rmdir", path, errno);
  return {};
}

Result<void> PosixEnv::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return failed("rename to " + to + " from", from, errno);
  return {};
}

Result<void> PosixEnv::sync_folder(const std::string& folder) {
  const Descriptor fd(
      retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (fd.get() < 0) return failed("open", folder, errno);
  if (retry([&] { return ::fsync(fd.get()); }) != 0) {
    Error error = failed("fsync", folder, errno);
    error.code = ErrorCode::kIo;
    return error;
  }
  return {};
}

Result<Env::Space> PosixEnv::space(const std::string& folder) {
  struct statvfs status;
  if (retry([&] { return ::statvfs(folder.c_str(), &status); }) != 0)
    return failed("statvfs", folder, errno);
  return Space{.total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize,
               .free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize};
}

Result<std::shared_ptr<void>> PosixEnv::lock(const std::string& path) {
  auto fd = std::make_shared<Descriptor>(
      retry([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }));
  if (fd->get() < 0) return failed("open", path, errno);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd->get(), F_OFD_SETLK, &whole) == 0) return std::shared_ptr<void>(std::move(fd));
  if (errno == EAGAIN || errno == EACCES)
    return Error{ErrorCode::kBusy, "lock " + path + ": another process holds it"};
  return failed("lock", path, errno);
}

std::future<void> PosixEnv::in_background(std::move_only_function<void()> work) {
  // Shared, because std::async has already taken its argument when it fails to start a thread.
  const auto shared = std::make_shared<std::move_only_function<void()>>(std::move(work));
  try {
    return std::async(std::launch::async, [shared] { (*shared)(); });
  } catch (const std::system_error&) {  // no more threads: then it takes the caller's time
    (*shared)();
    std::promise<void> done;
    done.set_value();
    return done.get_future();
  }
}

}  // namespace everpost::storage
