// The log where O_DIRECT is not to be had. Some file systems refuse the flag (tmpfs before Linux
// 6.6), some the write; a seccomp filter makes the kernel do both on any of them.
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>

#include "storage/env/posix_env.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

enum class Refuse { kNothing, kOpen, kWrite };

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW, kInvalid = SECCOMP_RET_ERRNO | EINVAL;

// From here on this thread, and those it starts, get EINVAL. False: not allowed here.
bool refuse(Refuse what) {
  // pwrite is how PosixFile writes directly; everything else goes by pwritev.
  sock_filter write[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kInvalid),
      BPF_STMT(BPF_RET | BPF_K, kAllow),
  };
  sock_filter open[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_DIRECT, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kInvalid),
      BPF_STMT(BPF_RET | BPF_K, kAllow),
  };
  sock_fprog program{std::size(open), open};
  if (what == Refuse::kWrite) program = {std::size(write), write};
  return what == Refuse::kNothing || (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                                      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

// Large and small groups, and all of them again after a reopen.
void keep_groups(const std::string& folder) {
  PosixEnv env;
  LogOptions options = small_log();
  options.folder = folder + "/log";
  options.segment_bytes = 4 << 20;
  options.group_bytes_max = 2 << 20;
  options.direct_bytes_min = 16 << 10;
  const auto bytes = [](std::size_t i) { return i % 3 == 0 ? 900 + i : 40'000 * i + 1111; };
  Lsn durable;
  {
    const auto log = open_log(env, {}, options);
    ASSERT_OK(log);
    for (std::size_t i = 0; i < 20; ++i)
      ASSERT_OK(commit(*log->log, Epoch{1}, record("m", text(i, bytes(i)))));
    durable = (*log)->durable();
  }
  const auto log = open_log(env, {.scan_from = {}, .durable_hint = durable}, options);
  ASSERT_OK(log);
  const auto seen = scan_all(*log->log);
  ASSERT_OK(seen);
  ASSERT_EQ(seen->size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ((*seen)[i].body, text(i, bytes(i)));
}

// A folder that is gone with the test; `name` is empty if none can be made there.
struct Folder {
  explicit Folder(const std::string& parent) : name(parent + "/everpost-direct-XXXXXX") {
    if (::mkdtemp(name.data()) == nullptr) name.clear();
  }
  ~Folder() {
    if (!name.empty()) std::filesystem::remove_all(name);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string name;
};

alignas(File::kDirectBytes) constexpr std::array<std::byte, File::kDirectBytes> kBlock{};

TEST(PosixDirect, ALogKeepsItsGroupsWhereTheFileSystemRefusesThem) {
  struct Case {
    const char* name;
    std::string folder;
    Refuse refuse;
  };
  const std::string disk = std::filesystem::temp_directory_path();
  const Case cases[] = {
      {"a folder in memory", "/dev/shm", Refuse::kNothing},
      {"the flag is refused", disk, Refuse::kOpen},
      {"the write is refused", disk, Refuse::kWrite},
      {"in memory, before Linux 6.6", "/dev/shm", Refuse::kOpen},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Folder folder(c.folder);
    if (folder.name.empty()) continue;  // no such place on this machine
    bool skipped = false;
    std::thread([&] {
      skipped = !refuse(c.refuse);
      if (skipped) return;
      if (c.refuse != Refuse::kNothing) {
        const auto file = *PosixEnv().open(folder.name + "/f", Env::Open::kCreate);
        EXPECT_ERROR(kUnsupported, file->write_direct(0, kBlock));
        EXPECT_EQ(file->size().value_or(99), 0u);
      }
      keep_groups(folder.name);
    }).join();
    if (skipped) GTEST_SKIP() << "no seccomp filters here";
  }
}

TEST(PosixDirect, IsBusyWithoutADescriptor) {
  const Folder folder(std::filesystem::temp_directory_path());
  const auto file = *PosixEnv().open(folder.name + "/f", Env::Open::kCreate);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::open("/", O_RDONLY | O_CLOEXEC);  // the lowest that is free
  ASSERT_GE(next, 0);
  ::close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto written = file->write_direct(0, kBlock);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_ERROR(kBusy, written);
  const auto again = file->write_direct(0, kBlock);
  EXPECT_TRUE(again || again.error().code == ErrorCode::kUnsupported) << why(again.error());
}

}  // namespace
}  // namespace everpost::storage
