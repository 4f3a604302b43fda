// To be preloaded (LD_PRELOAD): a fdatasync() that fails once for each time that the file named by
// EVERPOST_FAIL_SYNC is made. As a disk does, it says EIO, and the next call succeeds (H24).
#include <cerrno>
#include <cstdlib>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" int fdatasync(int fd) {
  const char* file = std::getenv("EVERPOST_FAIL_SYNC");
  if (file && ::unlink(file) == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
