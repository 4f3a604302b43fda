// How the bytes of a group reach the file: which of them past the page cache.
#include "storage/log/group_writer.h"

#include <algorithm>

#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

using Kind = MemoryEnv::Operation::Kind;

constexpr std::uint64_t kBlock = File::kDirectBytes;

class GroupWriting : public testing::Test {
 protected:
  void SetUp() override {
    file_ = *env_.open("f", Env::Open::kCreate);
    env_.set_hook([this](const MemoryEnv::Operation& operation) -> std::optional<Error> {
      if (operation.kind == Kind::kWrite) ++through_cache_;
      if (operation.kind == Kind::kWriteDirect) ++direct_;
      return std::nullopt;
    });
  }
  // Writes `bytes` bytes in parts of odd sizes and looks whether they are there.
  void write(std::uint64_t offset, std::size_t bytes) {
    const std::string want = text(++number_, bytes);
    std::vector<Bytes> parts;
    for (std::size_t at = 0; at < bytes; at += 777)
      parts.push_back(as_bytes(want).subspan(at, std::min<std::size_t>(777, bytes - at)));
    parts.insert(parts.begin() + 1, Bytes());
    through_cache_ = direct_ = 0;
    ASSERT_OK(writer_.write(*file_, offset, parts));
    std::string got(bytes, '\0');
    ASSERT_OK(file_->read(offset, std::as_writable_bytes(std::span(got))));
    EXPECT_EQ(got, want);
  }

  MemoryEnv env_;
  std::unique_ptr<File> file_;
  GroupWriter writer_{4 * kBlock};
  int through_cache_ = 0, direct_ = 0;  // writes of the last group
  std::uint64_t number_ = 0;
};

TEST_F(GroupWriting, WritesTheWholeBlocksOfALargeGroupDirectly) {
  struct Case {
    const char* name;
    std::uint64_t offset;
    std::size_t bytes;
    int through_cache, direct;
  };
  const Case cases[] = {
      {"small ones go through the page cache", 0, 4 * kBlock - 8, 1, 0},
      {"whole blocks only", kBlock, 4 * kBlock, 0, 1},
      {"the end of a block first", kBlock - 8, 4 * kBlock + 8, 1, 1},
      {"the begin of a block last", 2 * kBlock, 4 * kBlock + 8, 1, 1},
      {"both", 8, 6 * kBlock, 2, 1},
      {"in pieces", 8, (1 << 20) + 9 * kBlock, 2, 2},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_OK(file_->sync());
    write(c.offset, c.bytes);
    EXPECT_EQ(through_cache_, c.through_cache);
    EXPECT_EQ(direct_, c.direct);
  }
}

TEST_F(GroupWriting, NeverWritesABlockInBothWaysBetweenSyncs) {
  // MemoryEnv ends the process if it does.
  std::uint64_t at = 0;
  for (const std::size_t bytes : {40 * kBlock + 16, std::uint64_t{24}, 4 * kBlock, 4 * kBlock + 8,
                                  std::uint64_t{4000}, 300 * kBlock + 8}) {
    write(at, bytes);
    at += bytes;
  }
}

TEST_F(GroupWriting, GoesThroughThePageCacheOnADiskWithoutDirectWrites) {
  env_.refuse_direct();
  write(8, (1 << 20) + 9 * kBlock);
  EXPECT_EQ(direct_, 1);
  write(8, 9 * kBlock);
  EXPECT_EQ(direct_, 0);
  EXPECT_EQ(through_cache_, 1);
}

TEST_F(GroupWriting, TriesAgainWhenThereIsADescriptorForIt) {
  bool busy = true;
  env_.set_hook([&](const MemoryEnv::Operation& operation) -> std::optional<Error> {
    if (operation.kind != Kind::kWriteDirect) return std::nullopt;
    ++direct_;
    if (busy) return Error{ErrorCode::kBusy, "too many open files"};
    return std::nullopt;
  });
  write(0, 8 * kBlock);
  EXPECT_EQ(direct_, 1);
  ASSERT_OK(file_->sync());
  busy = false;
  write(8 * kBlock, 8 * kBlock);
  EXPECT_EQ(direct_, 1);
}

TEST_F(GroupWriting, ReportsAFailedDirectWrite) {
  const std::string bytes = text(1, 8 * kBlock);
  const Bytes part = as_bytes(bytes);
  env_.fail_next_write();
  EXPECT_ERROR(kIo, writer_.write(*file_, 0, {&part, 1}));
}

}  // namespace
}  // namespace everpost::storage
