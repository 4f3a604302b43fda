// The log on real files: the next segment is made by another thread, and full ones are trimmed
// there.
#include <atomic>
#include <filesystem>
#include <stdlib.h>
#include <thread>

#include "storage/env/posix_env.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

class PosixLog : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / "everpost-log-XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    options_.folder = folder_ + "/log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  PosixEnv env_;
  std::string folder_;
  LogOptions options_ = small_log();
};

TEST_F(PosixLog, KeepsEverythingOverSegmentsEpochsCutsAndReopens) {
  std::vector<std::string> want;
  Lsn durable;
  for (std::uint32_t life = 1; life <= 3; ++life) {
    const auto opened = open_log(env_, {.scan_from = {}, .durable_hint = durable}, options_);
    ASSERT_OK(opened);
    Log& log = *opened->log;
    EXPECT_EQ(metas(log), want);
    EXPECT_EQ(opened->recovery.copied_forward, life > 1);
    Lsn cut;
    for (int i = 0; i < 40; ++i) {
      if (i == 20) cut = log.end();
      const std::string meta = std::to_string(life) + "-" + std::to_string(i);
      ASSERT_OK(commit(log, Epoch{life}, record(meta, text(i, 3000))));
      if (i < 20) want.push_back(meta);
    }
    ASSERT_OK(log.truncate(cut));
    ASSERT_OK(commit(log, Epoch{life}, record("last", text(life, 5000))));
    want.push_back("last");
    durable = log.durable();
    EXPECT_EQ(log.verify().value_or(std::vector<std::string>{"?"}), std::vector<std::string>{});
  }
}

// Large groups, written past the page cache, between small ones, written through it; and a reader
// whose readahead takes blocks into the page cache that are written next.
TEST_F(PosixLog, IsReadWhileGroupsAreWrittenPastThePageCache) {
  options_.segment_bytes = 4 << 20;
  options_.group_bytes_max = 1 << 20;
  const auto bytes = [](std::size_t i) { return i % 3 == 0 ? 900 + i : 150'000 + 1111 * i; };
  Lsn durable;
  {
    const auto opened = open_log(env_, {}, options_);
    ASSERT_OK(opened);
    Log& log = *opened->log;
    std::atomic<bool> stop = false;
    std::thread reader([&] {
      while (!stop) {
        std::size_t count = 0;
        EXPECT_OK(log.scan(log.begin(), log.durable(), [&](const Record& record) -> Result<bool> {
          EXPECT_EQ(as_text(record.body), text(count, bytes(count)));
          ++count;
          return true;
        }));
      }
    });
    for (std::size_t i = 0; i < 60; ++i)
      EXPECT_OK(commit(log, Epoch{1}, record("m", text(i, bytes(i)))));
    stop = true;
    reader.join();
    durable = log.durable();
  }
  const auto opened = open_log(env_, {.scan_from = {}, .durable_hint = durable}, options_);
  ASSERT_OK(opened);
  EXPECT_EQ(scan_all(*opened->log).value_or(std::vector<Seen>{}).size(), 60u);
  EXPECT_EQ(opened->log->verify().value_or(std::vector<std::string>{"?"}),
            std::vector<std::string>{});
}

TEST_F(PosixLog, IsReadWhileItIsWritten) {
  options_.open_files_max = 2;
  const auto opened = open_log(env_, {}, options_);
  ASSERT_OK(opened);
  Log& log = *opened->log;
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      std::size_t count = 0;
      EXPECT_OK(log.scan(log.begin(), log.durable(), [&](const Record& record) -> Result<bool> {
        EXPECT_EQ(as_text(record.body), text(count++, 2000));
        return true;
      }));
    }
  });
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_OK(commit(log, Epoch{1}, record("m", text(i, 2000))));
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace everpost::storage
