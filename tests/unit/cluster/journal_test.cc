#include "cluster/shard/journal.h"

#include <gtest/gtest.h>

#include "cluster/shard/commit_times.h"
#include "storage/env/memory_env.h"

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
using storage::MemoryEnv;

constexpr ShardId kShard{3};

JournalEntry entry(std::int64_t second, std::string what, std::string why = {}) {
  return {WallTime{second * 1'000'000 + 42}, Epoch{7}, true, std::move(what), std::move(why)};
}

TEST(JournalLine, IsReadAsItWasWritten) {
  const JournalEntry written = entry(1'795'000'000, "shard closed", "its disk does not answer");
  const std::string line = encode(written);
  EXPECT_EQ(line,
            "2026-11-18T11:06:40.000042Z\t7\talarm\tshard closed\tits disk does not answer\n");
  EXPECT_EQ(decode_journal_line(line), written);
}

TEST(JournalLine, StaysOneLineWhateverTheTextHolds) {
  const auto read = decode_journal_line(encode(entry(1, "a\tb\nc", std::string(5000, 'x'))));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->what, "a b c");
  EXPECT_EQ(read->why.size(), Journal::kTextBytesMax);
}

TEST(JournalLine, IsNoneIfItIsCutOrForeign) {
  const std::string line = encode(entry(1, "shard closed", "why"));
  for (std::size_t cut = 0; cut < line.rfind('\t'); ++cut)
    EXPECT_FALSE(decode_journal_line(line.substr(0, cut))) << cut;
  for (const char* wrong : {"", "\n", "\t\t\t\t", "2026-11-18T11:06:40.000042Z\tx\tinfo\twhat\twhy",
                            "2026-11-18T11:06:40.000042Z\t1\tloud\twhat\twhy"})
    EXPECT_FALSE(decode_journal_line(wrong)) << wrong;
}

TEST(Journal, IsThereAfterARestart) {
  MemoryEnv disk;
  {
    Journal journal(&disk, "journal");
    journal.add(kShard, entry(1, "shard opened"));
    journal.add(kShard, entry(2, "shard closed"));
    journal.add(ShardId{4}, entry(3, "copy started"));
  }
  Journal journal(&disk, "journal");
  const auto all = journal.read(kShard, WallTime{}, 100);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], entry(1, "shard opened"));
  EXPECT_EQ(all[1], entry(2, "shard closed"));
  EXPECT_EQ(journal.read(kShard, WallTime{2'000'000}, 100).size(), 1u);
  EXPECT_EQ(journal.read(kShard, WallTime{}, 1).front().what, "shard closed");
}

TEST(Journal, KeepsTheNewestInTwoFilesOfBoundedSize) {
  MemoryEnv disk;
  {
    Journal journal(&disk, "journal");
    for (int i = 0; i < 3000; ++i) {
      journal.add(kShard, entry(i, "event " + std::to_string(i), std::string(300, 'y')));
      if (i % 100 == 0) EXPECT_TRUE(journal.flush(10s));
    }
    EXPECT_EQ(journal.read(kShard, WallTime{}, 10'000).size(), Journal::kEntriesMax);
  }
  const auto names = disk.list("journal");
  ASSERT_TRUE(names);
  ASSERT_EQ(names->size(), 2u);
  for (const std::string& name : *names) {
    auto file = disk.open("journal/" + name, storage::Env::Open::kRead);
    ASSERT_TRUE(file);
    EXPECT_LE(*(*file)->size(), Journal::kFileBytesMax);
  }
  Journal journal(&disk, "journal");
  EXPECT_EQ(journal.read(kShard, WallTime{}, 1).front().what, "event 2999");
}

TEST(Journal, NotesARepetitionOnceAMinute) {
  Journal journal;
  for (int second = 0; second < 120; ++second) {
    journal.add(kShard, entry(second, "does not take over yet"));
    journal.add(kShard, entry(second, "the coordinator does not answer"));
  }
  EXPECT_EQ(journal.read(kShard, WallTime{}, 100).size(), 4u);
}

TEST(CommitTimes, TellForHowLongACopyHasBeenBehind) {
  CommitTimes times;
  EXPECT_EQ(times.behind(Lsn{5}, Micros{1}), Micros{0});
  times.note(Lsn{100}, 1s);
  times.note(Lsn{200}, 2s);
  EXPECT_EQ(times.behind(Lsn{200}, 9s), Micros{0});
  EXPECT_EQ(times.behind(Lsn{100}, 9s), Micros{7s});
  EXPECT_EQ(times.behind(Lsn{150}, 9s), Micros{7s});
  EXPECT_EQ(times.behind(Lsn{0}, 9s), Micros{8s});
}

TEST(CommitTimes, StayFewAndNearlyRight) {
  CommitTimes times;
  constexpr std::uint64_t kCount = 100'000;
  for (std::uint64_t i = 1; i <= kCount; ++i)
    times.note(Lsn{i}, Micros{static_cast<std::int64_t>(i) * 10'000});
  const Micros now{static_cast<std::int64_t>(kCount) * 10'000};
  EXPECT_EQ(times.behind(Lsn{kCount - 10}, now), Micros{90'000});
  const double half = static_cast<double>(times.behind(Lsn{kCount / 2}, now).count());
  EXPECT_NEAR(half, 10'000.0 * kCount / 2, 10'000.0 * kCount / 40);
}

}  // namespace
}  // namespace everpost::cluster
