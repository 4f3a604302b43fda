#include "base/log.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>

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

}  // namespace
}  // namespace everpost
