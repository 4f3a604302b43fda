#include "storage/env/memory_env.h"

#include <array>

#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

std::string contents(MemoryEnv& env, const std::string& path) {
  const auto read = read_file(env, path, 1 << 20);
  return read ? *read : std::string(to_string(read.error().code));
}

// A file "f" that is durable with `text`.
std::unique_ptr<File> durable_file(MemoryEnv& env, const std::string& text) {
  auto file = *env.open("f", Env::Open::kCreate);
  EXPECT_OK(file->write(0, as_bytes(text)));
  EXPECT_OK(file->sync());
  EXPECT_OK(env.sync_folder("/"));
  return file;
}

TEST(MemoryEnv, KeepsAllWhenOnlyTheProcessDies) {
  MemoryEnv env;
  auto file = *env.open("f", Env::Open::kCreate);
  ASSERT_OK(file->write(0, as_bytes("text")));
  env.crash(MemoryEnv::Crash::kProcess);
  EXPECT_EQ(contents(env, "f"), "text");
  EXPECT_ERROR(kIo, file->sync());  // the handle died with the process
}

TEST(MemoryEnv, LosesUnsyncedSectorsIndependentlyAtAPowerLoss) {
  std::size_t lost = 0, kept = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    MemoryEnv env(seed);
    const auto file = durable_file(env, std::string(4096, 'a'));
    ASSERT_OK(file->write(0, as_bytes(std::string(4096, 'b'))));
    env.crash(MemoryEnv::Crash::kPower);
    const std::string after = contents(env, "f");
    ASSERT_EQ(after.size(), 4096u);
    for (std::size_t at = 0; at < after.size(); at += 512) {
      const std::string sector = after.substr(at, 512);
      EXPECT_EQ(sector, std::string(512, sector[0]));  // never torn within
      (sector[0] == 'a' ? lost : kept) += 1;
    }
  }
  EXPECT_GT(lost, 100u);
  EXPECT_GT(kept, 100u);
}

TEST(MemoryEnv, KeepsWhatWasSynced) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    MemoryEnv env(seed);
    const auto file = durable_file(env, std::string(700, 'a'));
    ASSERT_OK(file->write(100, as_bytes("synced")));
    ASSERT_OK(file->sync());
    ASSERT_OK(file->write(2000, as_bytes("not synced")));
    env.crash(MemoryEnv::Crash::kPower);
    EXPECT_EQ(contents(env, "f").substr(0, 700),
              std::string(100, 'a') + "synced" + std::string(594, 'a'));
  }
}

TEST(MemoryEnv, LosesUnsyncedDirectWritesToo) {
  MemoryEnv env;
  const auto file = durable_file(env, std::string(8192, 'a'));
  alignas(File::kDirectBytes) std::array<std::byte, 4096> block;
  block.fill(std::byte{'b'});
  ASSERT_OK(file->write_direct(0, block));
  ASSERT_OK(file->sync());
  ASSERT_OK(file->write_direct(4096, block));
  env.crash(MemoryEnv::Crash::kPower, 0);
  EXPECT_EQ(contents(env, "f"), std::string(4096, 'b') + std::string(4096, 'a'));
}

TEST(MemoryEnvDeathTest, EndsAMixOfDirectAndUnsyncedWritesInOneBlock) {
  MemoryEnv env;
  const auto file = durable_file(env, std::string(8192, 'a'));
  alignas(File::kDirectBytes) std::array<std::byte, 4096> block{};
  ASSERT_OK(file->write(8000, as_bytes("b")));
  EXPECT_DEATH((void)file->write_direct(4096, block), "keep apart");
}

TEST(MemoryEnv, LosesUnsyncedChangesOfFolders) {
  int created = 0, renamed = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    MemoryEnv env(seed);
    durable_file(env, "text");
    ASSERT_OK(env.open("new", Env::Open::kCreate));
    ASSERT_OK(env.rename("f", "g"));
    env.crash(MemoryEnv::Crash::kPower);
    created += env.exists("new").value_or(false) ? 1 : 0;
    renamed += env.exists("g").value_or(false) ? 1 : 0;
    EXPECT_NE(env.exists("f").value_or(false), env.exists("g").value_or(false));
  }
  EXPECT_GT(created, 10);
  EXPECT_LT(created, 40);
  EXPECT_GT(renamed, 10);
  EXPECT_LT(renamed, 40);
}

TEST(MemoryEnv, TruncationIsDurableAsAWhole) {
  bool cut = false, whole = false;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    MemoryEnv env(seed);
    const auto file = durable_file(env, std::string(20000, 'a'));
    ASSERT_OK(file->truncate(100));
    env.crash(MemoryEnv::Crash::kPower);
    const std::string after = contents(env, "f");
    EXPECT_TRUE(after == std::string(100, 'a') || after == std::string(20000, 'a')) << after.size();
    (after.size() == 100 ? cut : whole) = true;
  }
  EXPECT_TRUE(cut && whole);
}

TEST(MemoryEnv, ReplacesFilesAtomically) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    MemoryEnv env(seed);
    ASSERT_OK(write_file_atomically(env, "f", as_bytes(text(1, 2000))));
    env.stop_at(env.operations() + 1 + seed % 6);
    const bool done = write_file_atomically(env, "f", as_bytes(text(2, 3000))).has_value();
    env.crash(MemoryEnv::Crash::kPower);
    const std::string after = contents(env, "f");
    EXPECT_TRUE(after == text(2, 3000) || (!done && after == text(1, 2000))) << after;
  }
}

TEST(MemoryEnv, AFailedSyncThatKeepsPagesNeverWritesThem) {
  MemoryEnv env;
  const auto file = durable_file(env, "old");
  ASSERT_OK(file->write(0, as_bytes("new")));
  env.fail_next_sync(MemoryEnv::SyncFault::kKeeps);
  EXPECT_ERROR(kIo, file->sync());
  ASSERT_OK(file->sync());  // as the kernel does: the pages are clean
  EXPECT_EQ(contents(env, "f"), "new");
  env.crash(MemoryEnv::Crash::kPower, 1.0);
  EXPECT_EQ(contents(env, "f"), "old");
}

TEST(MemoryEnv, AFailedSyncThatRevertsGoesBackToTheDisk) {
  MemoryEnv env;
  const auto file = durable_file(env, "old");
  ASSERT_OK(file->write(0, as_bytes("newer")));
  env.fail_next_sync(MemoryEnv::SyncFault::kReverts);
  EXPECT_ERROR(kIo, file->sync());
  EXPECT_EQ(contents(env, "f"), "old");
}

TEST(MemoryEnv, RunsOutOfSpace) {
  MemoryEnv env;
  env.set_space(3 * 4096);
  const auto file = *env.open("f", Env::Open::kCreate);
  EXPECT_ERROR(kNoSpace, file->allocate(0, 4 * 4096));
  ASSERT_OK(file->allocate(0, 2 * 4096));
  EXPECT_ERROR(kNoSpace, (*env.open("g", Env::Open::kCreate))->write(0, as_bytes(text(1, 8192))));
  ASSERT_OK(file->write(0, as_bytes(text(1, 8192))));  // it is allocated
  EXPECT_EQ(env.space("/")->free_bytes, 0u);
  ASSERT_OK(env.remove("g"));
  ASSERT_OK(env.sync_folder("/"));
  EXPECT_EQ(env.space("/")->free_bytes, 4096u);
}

TEST(MemoryEnv, BitsRotAndSectorsGoBad) {
  MemoryEnv env;
  const auto file = durable_file(env, "abc");
  env.flip_bit("f", 1, 0);
  EXPECT_EQ(contents(env, "f"), "acc");
  env.fail_reads("f", 0, 2);
  EXPECT_EQ(contents(env, "f"), "io");
  ASSERT_OK(file->write(0, as_bytes("xy")));
  EXPECT_EQ(contents(env, "f"), "xyc");
}

TEST(MemoryEnv, StopsAtAnOperation) {
  MemoryEnv env;
  const auto file = durable_file(env, "abc");
  env.stop_at(env.operations() + 2);
  ASSERT_OK(file->write(0, as_bytes("x")));
  EXPECT_ERROR(kIo, file->write(1, as_bytes("y")));
  EXPECT_ERROR(kIo, env.open("f", Env::Open::kRead));
  env.crash(MemoryEnv::Crash::kProcess);
  EXPECT_EQ(contents(env, "f")[0], 'x');
}

TEST(MemoryEnv, AsksAHookBeforeEachOperation) {
  MemoryEnv env;
  durable_file(env, "abc");
  env.set_hook([](const MemoryEnv::Operation& operation) -> std::optional<Error> {
    if (operation.kind != MemoryEnv::Operation::Kind::kRead) return std::nullopt;
    return Error{ErrorCode::kTimeout, operation.path};
  });
  EXPECT_EQ(contents(env, "f"), "timeout");
  env.set_hook(nullptr);
  EXPECT_EQ(contents(env, "f"), "abc");
}

TEST(MemoryEnv, GivesTheSameResultsForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    MemoryEnv env(seed);
    const auto file = durable_file(env, std::string(40000, 'a'));
    EXPECT_OK(file->write(0, as_bytes(std::string(60000, 'b'))));
    env.crash(MemoryEnv::Crash::kPower);
    return contents(env, "f");
  };
  EXPECT_EQ(run(3), run(3));
  EXPECT_NE(run(3), run(4));
}

}  // namespace
}  // namespace everpost::storage
