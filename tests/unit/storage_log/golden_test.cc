// The files in tests/golden/log were written by the first version of the format. They stay readable
// for ever: a change that breaks this test breaks every log there is.
//
// EVERPOST_WRITE_GOLDEN=<folder> makes such files (for a new version of the format, beside the
// old).
#include <cstdlib>
#include <filesystem>

#include "storage/env/posix_env.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

// docs/formats/log.md shows the first record of these.
LogOptions golden_log() {
  LogOptions options;
  options.folder = kFolder;
  for (std::size_t i = 0; i < 16; ++i) {
    options.identity.cluster[i] = static_cast<std::byte>(i + 1);
    options.identity.disk[i] = static_cast<std::byte>(0xA0 + i);
  }
  options.identity.shard = ShardId{7};
  options.identity.lineage = Lineage{1};
  options.segment_bytes = 16 << 10;
  options.group_bytes_max = 8 << 10;
  return options;
}

std::vector<NewRecord> golden_records() {
  std::vector<NewRecord> records(5);
  records[0].type = RecordType::kEpochStart;
  records[1] = record("a transaction", "Subject: hello\r\n\r\nHello, world.\r\n");
  records[2].type = RecordType::kNoop;
  records[2].flags = kIgnorable | kPad;
  records[3].type = RecordType::kBodyChunk;
  records[3].body = {share(std::string(1500, 'x')), share(std::string(499, 'y'))};
  records[4].feature_level = 2;
  records[4].meta = std::string(700, 'z');
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].time = {1'790'000'000'000'000 + static_cast<std::int64_t>(i) * 1'000'001};
    records[i].seal();
  }
  return records;
}

void write_golden(const std::string& folder) {
  PosixEnv env;
  LogOptions options = golden_log();
  options.folder = folder;
  LogRecovery recovery;
  {
    const auto log = Log::open(env, options, {}, recovery);
    ASSERT_OK(log);
    const auto records = golden_records();
    ASSERT_OK((*log)->append(Epoch{3}, Lsn{}, std::span(records).first(2)));
    ASSERT_OK((*log)->sync());
    ASSERT_OK((*log)->append(Epoch{3}, (*log)->durable(), std::span(records).subspan(2, 2)));
    ASSERT_OK((*log)->sync());
    ASSERT_OK((*log)->append(Epoch{4}, (*log)->durable(), std::span(records).subspan(4)));
    ASSERT_OK((*log)->sync());
    ASSERT_OK((*log)->roll(Epoch{5}));
  }
  // The last segment is empty, and allocated in full: of no use here.
  ASSERT_OK(env.remove(folder + "/ready.tmp"));
  std::string last;
  for (const std::string& name : *env.list(folder))
    if (name.ends_with(".seg")) last = name;
  ASSERT_OK(env.remove(folder + "/" + last));
}

TEST(GoldenLog, IsReadForEver) {
  if (const char* folder = std::getenv("EVERPOST_WRITE_GOLDEN")) write_golden(folder);
  MemoryEnv env;
  ASSERT_OK(env.make_folder(kFolder));
  std::size_t count = 0;
  const std::string from = std::string(EVERPOST_GOLDEN) + "/log";
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    if (entry.path().extension() != ".seg") continue;
    PosixEnv posix;
    const auto bytes = read_file(posix, entry.path(), 1 << 20);
    ASSERT_OK(bytes);
    ASSERT_OK(write_file_atomically(env, kFolder + "/" + entry.path().filename().string(),
                                    as_bytes(*bytes)));
    ++count;
  }
  ASSERT_EQ(count, 2u);
  const auto opened = open_log(env, {.scan_from = {}, .durable_hint = Lsn{3080}}, golden_log());
  ASSERT_OK(opened);
  EXPECT_EQ(opened->recovery.records, 5u);
  EXPECT_EQ(opened->recovery.end, Lsn{3080});
  EXPECT_EQ(opened->recovery.last_epoch, Epoch{4});
  EXPECT_EQ(opened->recovery.last_commit, Lsn{2312});
  EXPECT_FALSE(opened->recovery.torn_at);

  const std::vector<NewRecord> want = golden_records();
  const Lsn lsns[] = {Lsn{0}, Lsn{64}, Lsn{184}, Lsn{248}, Lsn{2312}};
  const Lsn commits[] = {Lsn{0}, Lsn{0}, Lsn{184}, Lsn{184}, Lsn{2312}};
  std::size_t i = 0;
  ASSERT_OK((*opened)->scan(Lsn{}, Lsn{UINT64_MAX}, [&](const Record& got) -> Result<bool> {
    SCOPED_TRACE(i);
    EXPECT_EQ(got.header.type, want[i].type);
    EXPECT_EQ(got.header.flags, want[i].flags);
    EXPECT_EQ(got.header.lsn, lsns[i]);
    EXPECT_EQ(got.header.epoch, Epoch{i < 4 ? 3u : 4u});
    EXPECT_EQ(got.header.feature_level, want[i].feature_level);
    EXPECT_EQ(got.header.commit, commits[i]);
    EXPECT_EQ(got.header.time, want[i].time);
    EXPECT_EQ(as_text(got.meta), want[i].meta);
    std::string body;
    for (const SharedBytes& part : want[i].body) body += *part;
    EXPECT_EQ(as_text(got.body), body);
    ++i;
    return true;
  }));
  EXPECT_EQ(i, want.size());
  EXPECT_EQ((*opened)->verify().value_or(std::vector<std::string>{"?"}),
            std::vector<std::string>{});
}

}  // namespace
}  // namespace everpost::storage
