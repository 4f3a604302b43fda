#include "base/log.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace everpost {
namespace {

TEST(LogLine, CannotBeBrokenByWhatComesFromOutside) {
  std::string folder = std::filesystem::temp_directory_path() / "everpost-log-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/log";
  log::open(log::Level::kInfo, path);
  log::debug("not shown");
  log::info("message accepted", {{"from", "<a@b.c>"},
                                 {"subject", "two words"},
                                 {"evil", "x\r\n\"\\\x7f"},
                                 {"empty", ""},
                                 {"size", 1042},
                                 {"ms", 1.25},
                                 {"shard", ShardId{3}}});
  log::open(log::Level::kInfo, "");
  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line.substr(28),
            "info    message accepted from=<a@b.c> subject=\"two words\" "
            "evil=\"x\\x0d\\x0a\\\"\\\\\\x7f\" empty=\"\" size=1042 ms=1.250 shard=3");
  EXPECT_FALSE(std::getline(file, line));
  std::filesystem::remove_all(folder);
}

class LogWriter : public testing::Test {
 protected:
  LogWriter() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/log";
  }
  ~LogWriter() override {
    log::open(log::Level::kInfo, "");
    std::filesystem::remove_all(folder_);
  }
  std::size_t lines() const {
    std::ifstream file(path_);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
  }

  std::string folder_ = std::filesystem::temp_directory_path() / "everpost-log-XXXXXX";
  std::string path_;
};

TEST_F(LogWriter, WritesAllBeforeItEnds) {
  log::open(log::Level::kInfo, path_);
  {
    const log::Writer writer;
    for (int n = 0; n < 1000; ++n) log::info("line", {{"n", n}});
  }
  EXPECT_EQ(lines(), 1000u);
  log::info("after it");
  EXPECT_EQ(lines(), 1001u);
}

TEST_F(LogWriter, HasWrittenWhatWasFlushed) {
  log::open(log::Level::kInfo, path_);
  const log::Writer writer;
  log::error("the last words");
  EXPECT_TRUE(log::flush());
  EXPECT_EQ(lines(), 1u);
}

// The disk that hangs is a pipe that nobody reads.
TEST_F(LogWriter, LosesLinesRatherThanHoldUpThoseWhoLog) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  std::string text;
  std::thread drain;
  {
    log::open(log::Level::kInfo, path_);
    const log::Writer writer;
    const std::string filler(100, 'x');
    for (std::size_t n = 0; n < 3 * log::Writer::kLinesMax; ++n) log::info(filler);
    EXPECT_FALSE(log::flush(std::chrono::milliseconds{1}));
    log::error("an error has its place");
    // Now somebody reads.
    ASSERT_EQ(::fcntl(reader, F_SETFL, 0), 0);
    drain = std::thread([&] {
      char bytes[1 << 16];
      for (ssize_t n; (n = ::read(reader, bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(n));
    });
  }
  log::open(log::Level::kInfo, "");  // the pipe's end
  drain.join();
  ::close(reader);
  EXPECT_NE(text.find("an error has its place"), text.npos);
  EXPECT_NE(text.find("log lines lost"), text.npos);
}

}  // namespace
}  // namespace everpost
