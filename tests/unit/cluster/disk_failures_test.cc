#include "cluster/disk_failures.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class DiskFailures : public testing::Test {
 protected:
  DiskFailures() { std::filesystem::create_directory(folder); }
  ~DiskFailures() override { std::filesystem::remove_all(folder); }

  void write(const std::string& text) { std::ofstream(file) << text; }
  std::string read() {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  const std::string folder =
      std::filesystem::temp_directory_path() / ("disk-failures-" + std::to_string(::getpid()));
  const std::string file = folder + "/disk-failures";
  const std::chrono::sys_seconds now{1'764'000'000s};
};

TEST_F(DiskFailures, H24TheSecondWithinAnHourKeepsTheNodeFromStarting) {
  EXPECT_TRUE(check_disk_failures(folder, now));
  note_disk_failure(folder, "shard 3: no\nsuch luck", now);
  EXPECT_EQ(read(), "1764000000 shard 3: no such luck\n");
  EXPECT_TRUE(check_disk_failures(folder, now));

  note_disk_failure(folder, "shard 1: again", now + 59min);
  const auto refused = check_disk_failures(folder, now + 59min);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().context, HasSubstr("shard 1: again"));
  EXPECT_THAT(refused.error().context, HasSubstr("remove " + file));

  std::filesystem::remove(file);
  EXPECT_TRUE(check_disk_failures(folder, now + 59min));
}

TEST_F(DiskFailures, OnesOfLongerAgoDoNotCountAndAreForgotten) {
  note_disk_failure(folder, "first", now);
  note_disk_failure(folder, "second", now + 60min);
  EXPECT_TRUE(check_disk_failures(folder, now + 60min));
  EXPECT_EQ(read(), "1764003600 second\n");
}

TEST_F(DiskFailures, OnesFromTheFutureCount) {
  note_disk_failure(folder, "first", now + 24h);
  note_disk_failure(folder, "second", now);
  EXPECT_FALSE(check_disk_failures(folder, now));
}

TEST_F(DiskFailures, AFileOfNonsenseIsPassedOverAndStaysSmall) {
  write("nonsense\n-5 negative\n99999999999999999999999 large\n" + std::string(100'000, 'x'));
  EXPECT_TRUE(check_disk_failures(folder, now));
  for (int n = 0; n < 40; ++n) note_disk_failure(folder, std::string(1000, 'y'), now);
  EXPECT_LT(read().size(), 16u * 400);
  EXPECT_FALSE(check_disk_failures(folder, now));
}

TEST_F(DiskFailures, AFolderThatIsGoneIsNoError) {
  note_disk_failure(folder + "/nowhere", "lost", now);
  EXPECT_TRUE(check_disk_failures(folder + "/nowhere", now));
}

}  // namespace
}  // namespace everpost::cluster
