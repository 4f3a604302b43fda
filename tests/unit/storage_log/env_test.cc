#include "storage/env/env.h"

#include <array>
#include <filesystem>
#include <functional>
#include <stdlib.h>

#include "storage/env/posix_env.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

// What both kinds of Env have to do alike.
class AnyEnv : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "memory") {
      env_ = std::make_unique<MemoryEnv>();
      ASSERT_OK(env_->make_folder(folder_ = "folder"));
    } else {
      std::string name = std::filesystem::temp_directory_path() / "everpost-env-XXXXXX";
      ASSERT_NE(::mkdtemp(name.data()), nullptr);
      env_ = std::make_unique<PosixEnv>();
      folder_ = name;
    }
  }
  void TearDown() override {
    if (std::string_view(GetParam()) == "posix") std::filesystem::remove_all(folder_);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string contents(const std::string& name) {
    const auto read = read_file(*env_, path(name), 1 << 20);
    return read ? *read : why(read.error());
  }

  std::unique_ptr<Env> env_;
  std::string folder_;
};

INSTANTIATE_TEST_SUITE_P(All, AnyEnv, testing::Values("memory", "posix"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(AnyEnv, OpensByMode) {
  EXPECT_ERROR(kNotFound, env_->open(path("f"), Env::Open::kRead));
  EXPECT_ERROR(kNotFound, env_->open(path("f"), Env::Open::kWrite));
  EXPECT_ERROR(kNotFound, env_->open(path("no/f"), Env::Open::kCreate));
  ASSERT_OK((*env_->open(path("f"), Env::Open::kCreate))->write(0, as_bytes("text")));
  ASSERT_OK(env_->open(path("f"), Env::Open::kCreate));
  EXPECT_EQ(contents("f"), "text");
  EXPECT_FALSE((*env_->open(path("f"), Env::Open::kRead))->write(0, as_bytes("x")));
  ASSERT_OK(env_->open(path("f"), Env::Open::kTruncate));
  EXPECT_EQ(contents("f"), "");
}

TEST_P(AnyEnv, WritesManyPartsAsOne) {
  const auto file = *env_->open(path("f"), Env::Open::kCreate);
  std::string want;
  std::vector<std::string> pieces;
  for (int i = 0; i < 3000; ++i) pieces.push_back(text(i, i % 7));  // some of them empty
  std::vector<Bytes> parts;
  for (const std::string& piece : pieces) {
    parts.push_back(as_bytes(piece));
    want += piece;
  }
  ASSERT_OK(file->write(5, parts));
  EXPECT_EQ(contents("f"), std::string(5, '\0') + want);
  ASSERT_OK(file->write(0, std::span<const Bytes>{}));
}

TEST_P(AnyEnv, RewritesAFewBytesAgainAndAgain) {
  const auto file = *env_->open(path("f"), Env::Open::kCreate);
  for (const char* bytes : {"one", "two", "six"}) {
    ASSERT_OK(file->rewrite(as_bytes(bytes)));
    EXPECT_EQ(contents("f"), bytes);
  }
  ASSERT_OK(file->sync());
  const auto again = *env_->open(path("f"), Env::Open::kCreate);
  ASSERT_OK(again->rewrite(as_bytes("ten")));
  EXPECT_EQ(contents("f"), "ten");
}

TEST_P(AnyEnv, WritesWholeBlocksPastThePageCache) {
  const auto file = *env_->open(path("f"), Env::Open::kCreate);
  ASSERT_OK(file->allocate(0, 16384));
  ASSERT_OK(file->write(4090, as_bytes("before")));
  ASSERT_OK(file->write(12288, as_bytes("behind")));
  EXPECT_EQ(contents("f").substr(4096, 8192), std::string(8192, '\0'));  // pages in the cache
  alignas(File::kDirectBytes) std::array<std::byte, 8192> blocks;
  blocks.fill(std::byte{'d'});
  ASSERT_OK(env_->rename(path("f"), path("g")));
  const auto written = file->write_direct(4096, blocks);
  if (!written && written.error().code == ErrorCode::kUnsupported)
    GTEST_SKIP() << why(written.error());
  ASSERT_OK(written);
  ASSERT_OK(file->sync());
  EXPECT_EQ(contents("g").substr(4090, 8204), "before" + std::string(8192, 'd') + "behind");
}

TEST_P(AnyEnv, ReadsLessOnlyAtTheEnd) {
  const auto file = *env_->open(path("f"), Env::Open::kCreate);
  ASSERT_OK(file->write(4094, as_bytes("abcd")));
  std::string to(10, '?');
  EXPECT_EQ(file->read(4092, std::as_writable_bytes(std::span(to))).value_or(99), 6u);
  EXPECT_EQ(to.substr(0, 6), std::string("\0\0abcd", 6));
  EXPECT_EQ(file->read(5000, std::as_writable_bytes(std::span(to))).value_or(99), 0u);
}

TEST_P(AnyEnv, TruncatesAllocatesAndPunches) {
  const auto file = *env_->open(path("f"), Env::Open::kCreate);
  ASSERT_OK(file->write(0, as_bytes(std::string(10000, 'x'))));
  ASSERT_OK(file->truncate(9000));
  ASSERT_OK(file->allocate(0, 16384));
  EXPECT_EQ(file->size().value_or(0), 16384u);
  EXPECT_EQ(contents("f"), std::string(9000, 'x') + std::string(16384 - 9000, '\0'));
  ASSERT_OK(file->punch(4000, 5000));
  const std::string after = contents("f");
  EXPECT_EQ(after.substr(0, 4000), std::string(4000, 'x'));
  EXPECT_EQ(after.substr(4096, 4096), std::string(4096, '\0'));
  EXPECT_EQ(after.size(), 16384u);
  ASSERT_OK(file->sync());
}

TEST_P(AnyEnv, ListsRenamesAndRemoves) {
  ASSERT_OK(env_->make_folder(path("sub")));
  ASSERT_OK(env_->make_folder(path("sub")));
  ASSERT_OK(env_->open(path("b"), Env::Open::kCreate));
  ASSERT_OK(write_file_atomically(*env_, path("a"), as_bytes("1")));
  EXPECT_EQ(env_->list(folder_).value_or(std::vector<std::string>{}),
            (std::vector<std::string>{"a", "b", "sub"}));
  ASSERT_OK(env_->rename(path("a"), path("b")));
  EXPECT_EQ(contents("b"), "1");
  EXPECT_EQ(env_->exists(path("a")).value_or(true), false);
  EXPECT_EQ(env_->exists(path("no/a")).value_or(true), false);
  ASSERT_OK(env_->rename(path("b"), path("sub/c")));
  EXPECT_FALSE(env_->remove_folder(path("sub")));
  ASSERT_OK(env_->remove(path("sub/c")));
  EXPECT_ERROR(kNotFound, env_->remove(path("sub/c")));
  ASSERT_OK(env_->sync_folder(path("sub")));
  ASSERT_OK(env_->remove_folder(path("sub")));
  ASSERT_OK(env_->sync_folder(folder_));
  EXPECT_EQ(env_->list(folder_).value_or(std::vector<std::string>{"?"}),
            std::vector<std::string>{});
}

TEST_P(AnyEnv, LocksOnce) {
  auto lock = env_->lock(path("lock"));
  ASSERT_OK(lock);
  EXPECT_ERROR(kBusy, env_->lock(path("lock")));
  lock->reset();
  EXPECT_OK(env_->lock(path("lock")));
}

TEST_P(AnyEnv, TellsItsSpace) {
  const auto space = env_->space(folder_);
  ASSERT_OK(space);
  EXPECT_GE(space->total_bytes, space->free_bytes);
  EXPECT_GT(space->free_bytes, 0u);
}

TEST_P(AnyEnv, RunsInTheBackground) {
  int ran = 0;
  env_->in_background([&ran] { ++ran; }).get();
  EXPECT_EQ(ran, 1);
}

TEST_P(AnyEnv, ReadsWholeFilesUpToALimit) {
  ASSERT_OK(write_file_atomically(*env_, path("f"), as_bytes("12345")));
  EXPECT_EQ(read_file(*env_, path("f"), 5).value_or("?"), "12345");
  EXPECT_ERROR(kTooLarge, read_file(*env_, path("f"), 4));
  EXPECT_ERROR(kNotFound, read_file(*env_, path("g"), 4));
}

TEST(ParentFolder, IsWhatComesBeforeTheLastSlash) {
  EXPECT_EQ(parent_folder("a/b/c"), "a/b");
  EXPECT_EQ(parent_folder("c"), ".");
  EXPECT_EQ(parent_folder("/c"), "/");
}

}  // namespace
}  // namespace everpost::storage
