#include "storage/log/log.h"

#include <thread>

#include "base/crc32c.h"
#include "storage/log/segment_header.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

constexpr Epoch kOne{1}, kTwo{2};

class LogTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  // Opens the log anew, as after a kill.
  void open(const Log::Start& start = {}) {
    log_.reset();
    env_.crash(MemoryEnv::Crash::kProcess);
    auto opened = open_log(env_, start);
    ASSERT_OK(opened);
    log_ = std::move(opened->log);
    recovery_ = opened->recovery;
  }
  Lsn append(const std::string& meta, const std::string& body = {}, Epoch epoch = kOne) {
    const auto header = commit(*log_, epoch, record(meta, body));
    EXPECT_OK(header);
    return header ? header->lsn : Lsn{UINT64_MAX};
  }

  MemoryEnv env_;
  std::unique_ptr<Log> log_;
  LogRecovery recovery_;
};

TEST_F(LogTest, IsEmptyAtFirst) {
  EXPECT_EQ(log_->begin(), Lsn{});
  EXPECT_EQ(log_->end(), Lsn{});
  EXPECT_EQ(metas(*log_), std::vector<std::string>{});
  EXPECT_ERROR(kNotFound, log_->read_record(Lsn{}));
  EXPECT_OK(log_->sync());
  EXPECT_OK(log_->truncate(Lsn{}));
  EXPECT_EQ(log_->verify().value_or(std::vector<std::string>{"?"}), std::vector<std::string>{});
}

TEST_F(LogTest, LaysRecordsOutOneAfterTheOther) {
  const std::vector<NewRecord> group = {record("12345", "body", {7}), record("", "", {6}),
                                        record(text(1, 2000), text(2, 3000), {9})};
  const auto headers = log_->append(kOne, Lsn{}, group);
  ASSERT_OK(headers);
  ASSERT_EQ(headers->size(), 3u);
  EXPECT_EQ((*headers)[0].lsn, Lsn{0});
  EXPECT_EQ((*headers)[0].body_at(), Lsn{64 + 8});
  EXPECT_EQ((*headers)[1].lsn, Lsn{64 + 8 + 8});
  EXPECT_EQ((*headers)[2].lsn, Lsn{64 + 8 + 8 + 64});
  EXPECT_EQ((*headers)[1].prev_crc, (*headers)[0].crc);
  EXPECT_EQ((*headers)[2].prev_crc, (*headers)[1].crc);
  EXPECT_EQ((*headers)[1].time, WallTime{7});  // time does not go back in a log
  EXPECT_EQ((*headers)[2].time, WallTime{9});
  EXPECT_EQ(log_->end(), (*headers)[2].end());
  EXPECT_EQ(log_->durable(), Lsn{0});
  ASSERT_OK(log_->sync());
  EXPECT_EQ(log_->durable(), log_->end());
  EXPECT_EQ(*scan_all(*log_), (std::vector<Seen>{{Lsn{0}, "12345", "body"},
                                                 {Lsn{80}, "", ""},
                                                 {Lsn{144}, text(1, 2000), text(2, 3000)}}));
}

TEST_F(LogTest, JoinsTheBodysParts) {
  NewRecord joined = record("m");
  joined.body = {share(text(1, 3)), share(""), share(text(2, 1500)), share(text(3, 1024))};
  joined.seal();
  const auto header = commit(*log_, kOne, joined);
  ASSERT_OK(header);
  const auto got = log_->read_record(header->lsn);
  ASSERT_OK(got);
  EXPECT_EQ(as_text(got->body), text(1, 3) + text(2, 1500) + text(3, 1024));
}

TEST_F(LogTest, ReadsExtentsAndPartsOfThem) {
  append("first", text(1, 100));
  const auto header = commit(*log_, kOne, record("meta", text(2, 5000)));
  ASSERT_OK(header);
  const Extent body{header->body_at(), header->body_bytes, header->body_crc};
  EXPECT_EQ(log_->read(body).value_or("?"), text(2, 5000));
  std::string part(700, '?');
  ASSERT_OK(log_->read_part(body, 4300, std::as_writable_bytes(std::span(part))));
  EXPECT_EQ(part, text(2, 5000).substr(4300));
  EXPECT_ERROR(kInvalidArgument,
               log_->read_part(body, 4301, std::as_writable_bytes(std::span(part))));
  EXPECT_EQ(log_->read({body.at, 0, 0}).value_or("?"), "");
  EXPECT_ERROR(kCorrupt, log_->read({body.at, body.bytes, body.crc + 1}));
  EXPECT_ERROR(kNotFound, log_->read({body.at, body.bytes + 8, body.crc}));
  EXPECT_ERROR(kNotFound, log_->read({log_->end(), 1, 0}));
  EXPECT_ERROR(kNotFound, log_->read({Lsn{UINT64_MAX}, UINT32_MAX, 0}));
}

TEST_F(LogTest, ReadsExtentsOfEverySize) {
  append("first");
  for (std::size_t bytes = 1; bytes < 70; ++bytes) {
    const auto header = commit(*log_, kOne, record("meta", text(bytes, bytes)));
    ASSERT_OK(header);
    append("what follows", text(1, 100));
    EXPECT_EQ(log_->read({header->body_at(), header->body_bytes, header->body_crc}).value_or("?"),
              text(bytes, bytes));
  }
}

TEST_F(LogTest, ScansAPart) {
  append("a");
  const Lsn from = append("b");
  append("c");
  const Lsn to = append("d");
  std::vector<std::string> seen;
  const auto visit = [&](const Record& record) -> Result<bool> {
    seen.emplace_back(as_text(record.meta));
    return true;
  };
  ASSERT_OK(log_->scan(from, to, visit));
  EXPECT_EQ(seen, (std::vector<std::string>{"b", "c"}));
  seen.clear();
  ASSERT_OK(log_->scan(from, Lsn{UINT64_MAX}, [&](const Record& record) -> Result<bool> {
    seen.emplace_back(as_text(record.meta));
    return seen.size() < 2;
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"b", "c"}));
  EXPECT_ERROR(kTimeout, log_->scan(from, to, [](const Record&) -> Result<bool> {
    return Error{ErrorCode::kTimeout, "stop"};
  }));
  EXPECT_ERROR(kCorrupt, log_->scan(from + 8, to, visit));
}

TEST_F(LogTest, IsThereAgainAfterAReopen) {
  append("a", text(1, 3000));
  append("b");
  const Lsn end = log_->end();
  open({.scan_from = {}, .durable_hint = end});
  EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(log_->end(), end);
  EXPECT_EQ(log_->durable(), end);
  EXPECT_EQ(recovery_.records, 2u);
  EXPECT_EQ(recovery_.end, end);
  EXPECT_EQ(recovery_.last_epoch, kOne);
  EXPECT_EQ(recovery_.last_time, WallTime{1000});
  EXPECT_TRUE(recovery_.copied_forward);
  EXPECT_FALSE(recovery_.torn_at);
  append("c");
  EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(LogTest, ReportsTheHighestCommitPoint) {
  append("a");
  append("b");
  const Lsn before_last = append("c");
  open();
  EXPECT_EQ(recovery_.last_commit, before_last);
  ASSERT_OK(log_->roll(kTwo));
  open({.scan_from = log_->end()});
  EXPECT_EQ(recovery_.records, 0u);
  EXPECT_EQ(recovery_.last_commit, before_last);  // from the header of the empty segment
  EXPECT_EQ(recovery_.last_time, WallTime{1000});
}

TEST_F(LogTest, StartsASegmentWhenOneIsFull) {
  std::vector<std::string> want;
  for (int i = 0; i < 40; ++i) {
    want.push_back(std::to_string(i));
    append(want.back(), text(i, 3000));
  }
  EXPECT_EQ(metas(*log_), want);
  EXPECT_GE(segment_paths(env_).size(), 4u);
  EXPECT_EQ(log_->stats().segments, segment_paths(env_).size());
  // A full segment gives back what it does not use; one that is written to is allocated in full.
  const auto first = *read_file(env_, segment_paths(env_).front(), 1 << 20);
  EXPECT_LT(first.size(), small_log().segment_bytes);
  EXPECT_EQ(read_file(env_, segment_paths(env_).back(), 1 << 20)->size(),
            small_log().segment_bytes);
  open({.scan_from = log_->end()});
  EXPECT_EQ(metas(*log_), want);
  EXPECT_LT(recovery_.records, 10u);
  EXPECT_EQ(log_->verify().value_or(std::vector<std::string>{"?"}), std::vector<std::string>{});
}

TEST_F(LogTest, RefusesRecordsAboveTheLimitsBeforeWritingAnything) {
  append("a");
  const auto before = files(env_);
  const Lsn end = log_->end();
  NewRecord unsealed = record("m", "b");
  unsealed.body_crc = 0;
  NewRecord flagless = record("m", "b");
  flagless.flags = 0;
  const std::vector<std::vector<NewRecord>> groups = {
      {record("ok"), record(std::string(kRecordMetaBytesMax + 1, 'x'))},
      {record("ok"), record("m", std::string(kRecordBodyBytesMax + 1, 'x'))},
      {record("a", text(1, 4096)), record("b", text(1, 4096))},  // above group_bytes_max
      {unsealed},
      {flagless}};
  for (const auto& group : groups) EXPECT_ERROR(kInvalidArgument, log_->append(kOne, Lsn{}, group));
  const NewRecord ok = record("ok");
  EXPECT_ERROR(kInvalidArgument, log_->append(kOne, end + 8, {&ok, 1}));  // commit point
  EXPECT_EQ(log_->end(), end);
  EXPECT_EQ(files(env_), before);
  EXPECT_OK(log_->append(kOne, Lsn{}, {}));
  append("b");
  EXPECT_EQ(metas(*log_), (std::vector<std::string>{"a", "b"}));
}

TEST_F(LogTest, TakesRecordsUpToTheLimits) {
  LogOptions large = small_log();
  large.folder = "large";
  large.segment_bytes = 8 << 20;
  large.group_bytes_max = 4 << 20;
  const auto log = open_log(env_, {}, large);
  ASSERT_OK(log);
  const auto header = commit(*log->log, kOne, record(text(1, 1 << 20), text(2, 1 << 20)));
  ASSERT_OK(header);
  const auto got = (*log)->read_record(header->lsn);
  ASSERT_OK(got);
  EXPECT_EQ(as_text(got->meta), text(1, 1 << 20));
  EXPECT_EQ(as_text(got->body), text(2, 1 << 20));
}

TEST_F(LogTest, RefusesSegmentsTooSmallForAGroup) {
  LogOptions options = small_log();
  options.segment_bytes = options.group_bytes_max;
  EXPECT_ERROR(kInvalidArgument, open_log(env_, {}, options));
}

TEST_F(LogTest, NeverHasMoreThanAGroupUnsynced) {
  for (int i = 0; i < 10; ++i) {
    const NewRecord one = record("m", text(i, 3000));
    ASSERT_OK(log_->append(kOne, Lsn{}, {&one, 1}));
    EXPECT_LE(log_->end() - log_->durable(), small_log().group_bytes_max);
  }
  EXPECT_EQ(metas(*log_).size(), 10u);
}

TEST_F(LogTest, TruncatesToAnyRecord) {
  std::vector<Lsn> starts;
  std::vector<std::string> all;
  for (int i = 0; i < 24; ++i) {  // three segments, of two epochs
    all.push_back(std::to_string(i));
    starts.push_back(append(all.back(), text(i, 2500), i < 12 ? kOne : kTwo));
  }
  ASSERT_GE(segment_paths(env_).size(), 3u);
  EXPECT_ERROR(kInvalidArgument, log_->truncate(starts[5] + 8));
  EXPECT_ERROR(kInvalidArgument, log_->truncate(log_->end() + 8));
  ASSERT_OK(log_->truncate(log_->end()));
  EXPECT_EQ(metas(*log_), all);
  const Epoch epoch{3};
  for (int i = 23; i >= 0; --i) {
    SCOPED_TRACE(i);
    ASSERT_OK(log_->truncate(starts[i]));
    EXPECT_EQ(log_->end(), starts[i]);
    EXPECT_EQ(log_->durable(), starts[i]);
    std::vector<std::string> want(all.begin(), all.begin() + i);
    EXPECT_EQ(metas(*log_), want);
    EXPECT_ERROR(kNotFound, log_->read_record(starts[i]));
    if (i % 3 != 0) continue;
    // What was cut does not come back, and the log goes on.
    env_.crash(MemoryEnv::Crash::kPower);
    open({.scan_from = {}, .durable_hint = starts[i], .clean = i % 2 == 0, .same_boot = false});
    EXPECT_EQ(metas(*log_), want);
    append("new", "", epoch);
    want.push_back("new");
    open();
    EXPECT_EQ(metas(*log_), want);
    ASSERT_OK(log_->truncate(starts[i]));
  }
}

TEST_F(LogTest, StaysReadableWhenSpaceEndsAndGoesOnWhenThereIsSome) {
  append("a", text(1, 3000));
  const auto used = env_.space("/");
  env_.set_space(used->total_bytes - used->free_bytes);
  std::vector<std::string> want = {"a"};
  Result<RecordHeader> full = Error{};
  for (int i = 0; i < 40; ++i) {
    full = commit(*log_, kOne, record(std::to_string(i), text(i, 3000)));
    if (!full) break;
    want.push_back(std::to_string(i));
  }
  EXPECT_ERROR(kNoSpace, full);
  EXPECT_EQ(want.size(), 18u);  // two segments, the one made ahead included
  EXPECT_EQ(metas(*log_), want);
  EXPECT_ERROR(kNoSpace, log_->roll(kTwo));
  env_.set_space(1 << 30);
  append("more", text(2, 3000));
  want.push_back("more");
  EXPECT_EQ(metas(*log_), want);
  open();
  EXPECT_EQ(metas(*log_), want);
}

TEST_F(LogTest, KeepsOnlySoManyFilesOpen) {
  LogOptions options = small_log();
  options.open_files_max = 2;
  log_ = std::move(open_log(env_, {}, options)->log);
  std::vector<std::string> want;
  for (int i = 0; i < 60; ++i) {
    want.push_back(std::to_string(i));
    append(want.back(), text(i, 3000));
  }
  EXPECT_EQ(metas(*log_), want);
  EXPECT_EQ(metas(*log_), want);
}

TEST_F(LogTest, ReportsABadSectorForTheReadItConcernsOnly) {
  const auto header = commit(*log_, kOne, record("a", text(1, 3000)));
  const Lsn next = append("b");
  env_.fail_reads(segment_paths(env_)[0], kSegmentHeaderBytes + 512, 512);
  EXPECT_ERROR(kIo, log_->read({header->body_at(), header->body_bytes, header->body_crc}));
  EXPECT_OK(log_->read_record(next));
  append("c");
}

TEST_F(LogTest, VerifyReportsEveryDamage) {
  std::vector<Lsn> starts;
  for (int i = 0; i < 20; ++i) starts.push_back(append(std::to_string(i), text(i, 2001)));
  const auto paths = segment_paths(env_);
  ASSERT_EQ(paths.size(), 2u);
  env_.flip_bit(paths[0], kSegmentHeaderBytes + starts[3].value + 100, 3);            // a body
  env_.flip_bit(paths[0], kSegmentHeaderBytes + starts[5].value + 12, 0);             // a header
  env_.flip_bit(paths[0], kSegmentHeaderBytes + starts[7].value + 64 + 8 + 2001, 0);  // padding
  env_.flip_bit(paths[1], 20, 0);  // the segment's header
  const auto findings = log_->verify();
  ASSERT_OK(findings);
  std::string all;
  for (const std::string& line : *findings) all += line + "\n";
  for (const std::string& want :
       {"at lsn " + to_string(starts[3]) + ": the checksum of its body is wrong",
        "at lsn " + to_string(starts[5]) + ": no valid record header",
        "at lsn " + to_string(starts[7]) + ": padding that is not zero",
        std::string("the segment header's checksum is wrong")})
    EXPECT_NE(all.find(want), std::string::npos) << want << " is not in\n" << all;
  EXPECT_EQ(findings->size(), 6u) << all;  // and twice "valid again"
}

TEST_F(LogTest, ReadersGoOnWhileItIsWritten) {
  std::atomic<bool> stop = false;
  std::atomic<int> seen = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r)
    readers.emplace_back([&] {
      while (!stop) {
        const Lsn end = log_->durable();
        std::size_t count = 0;
        EXPECT_OK(log_->scan(log_->begin(), end, [&](const Record& record) -> Result<bool> {
          EXPECT_EQ(as_text(record.body), text(count++, 1000));
          const RecordHeader& header = record.header;
          EXPECT_OK(log_->read({header.body_at(), header.body_bytes, header.body_crc}));
          return true;
        }));
        seen = std::max<int>(seen, static_cast<int>(count));
      }
    });
  for (int i = 0; i < 300; ++i)
    append("m", text(i, 1000), Epoch{static_cast<std::uint32_t>(i / 50)});
  while (seen < 100) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_F(LogTest, ReadersOfWhatIsCutGetNotFound) {
  std::vector<Lsn> starts;
  for (int i = 0; i < 20; ++i) starts.push_back(append("m", text(i, 3000)));
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto got = log_->read_record(starts[i]);
        if (got)
          EXPECT_EQ(as_text(got->body), text(i, 3000));
        else
          EXPECT_TRUE(i >= 3 && got.error().code == ErrorCode::kNotFound) << why(got.error());
      }
    }
  });
  for (int round = 0; round < 20; ++round) {
    EXPECT_OK(log_->truncate(starts[3]));
    for (int i = 3; i < 20; ++i) append("m", text(i, 3000));
  }
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace everpost::storage
