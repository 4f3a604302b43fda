// Space of dead bodies given back (H34, H35): what was punched is told from what is damaged, in
// reading, after any crash, and whatever the log does next.
#include <cstring>

#include "storage/env/posix_env.h"
#include "storage/log/punch_map.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

using Crash = MemoryEnv::Crash;
using Strings = std::vector<std::string>;

// So long that there are whole blocks within, wherever it begins.
constexpr std::size_t kBytes = 12'000;

LogOptions punch_log() {
  LogOptions options = small_log();
  options.segment_bytes = 64 << 10;
  options.group_bytes_max = 16 << 10;
  return options;
}

bool go_on(std::uint64_t, std::uint64_t) { return true; }

Log::Range range(const RecordHeader& header) { return {header.body_at(), header.body_bytes}; }
Extent extent(const RecordHeader& header) {
  return {header.body_at(), header.body_bytes, header.body_crc};
}

class PunchTest : public testing::Test {
 public:
  PunchTest() { open(); }
  void open(const Log::Start& start = {}) {
    log_ = {};
    auto opened = open_log(env_, start, punch_log());
    ASSERT_OK(opened);
    log_ = *std::move(opened);
  }
  // Some segments.
  void fill(std::size_t records = 12) {
    for (std::size_t i = 0; i < records; ++i) {
      const auto header =
          commit(*log_.log, Epoch{1}, record("m" + std::to_string(i), text(i, kBytes)));
      ASSERT_OK(header);
      headers_.push_back(*header);
    }
    ASSERT_GE(segment_paths(env_).size(), 3u);
  }
  void expect_punched(std::size_t i) {
    EXPECT_ERROR(kNotFound, log_->read(extent(headers_[i])));
    std::array<std::byte, 10> part;
    EXPECT_ERROR(kNotFound, log_->read_part(extent(headers_[i]), 0, part));
    const auto record = log_->read_record(headers_[i].lsn);
    ASSERT_OK(record);
    EXPECT_TRUE(record->freed);
    EXPECT_TRUE(record->body.empty());
    EXPECT_EQ(as_text(record->meta), "m" + std::to_string(i));
  }
  void expect_whole(std::size_t i) {
    const auto body = log_->read(extent(headers_[i]));
    ASSERT_OK(body);
    EXPECT_EQ(*body, text(i, kBytes));
  }
  void expect_only(const std::set<std::size_t>& punched) {
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      SCOPED_TRACE(i);
      if (punched.contains(i))
        expect_punched(i);
      else
        expect_whole(i);
    }
    EXPECT_EQ(log_->verify().value_or(Strings{"?"}), Strings{});
    const auto seen = scan_all(*log_.log);
    ASSERT_OK(seen);
    EXPECT_EQ(seen->size(), headers_.size());
  }

 protected:
  MemoryEnv env_;
  OpenLog log_;
  std::vector<RecordHeader> headers_;
};

TEST_F(PunchTest, GivesSpaceBackAndKeepsTheRecords) {
  fill();
  const auto before = *env_.space("");
  const Log::Range dead[] = {range(headers_[1]), range(headers_[5])};
  const auto punched = log_->punch(dead, go_on);
  ASSERT_OK(punched);
  EXPECT_EQ(punched->punches, 2u);
  EXPECT_GE(punched->bytes, 2 * kPunchBytes);
  EXPECT_GE(env_.space("")->free_bytes - before.free_bytes + 2 * kPunchBytes, punched->bytes);
  EXPECT_EQ(log_->stats().punched_bytes, punched->bytes);
  expect_only({1, 5});
  // Once more is nothing.
  EXPECT_EQ(log_->punch(dead, go_on)->punches, 0u);
  open();
  expect_only({1, 5});
  EXPECT_EQ(log_->punch({}, go_on)->punches, 0u);
}

TEST_F(PunchTest, OnlyCompleteSegments) {
  fill();
  const Log::Range dead[] = {range(headers_.back())};
  EXPECT_LT(log_->sealed_end(), headers_.back().lsn);
  EXPECT_ERROR(kInvalidArgument, log_->punch(dead, go_on));
  expect_only({});
}

TEST_F(PunchTest, StopsWhenTold) {
  fill();
  const Log::Range dead[] = {range(headers_[0]), range(headers_[5]), range(headers_[8])};
  const auto stopped = log_->punch(dead, [](std::uint64_t, std::uint64_t) { return false; });
  ASSERT_OK(stopped);
  EXPECT_TRUE(stopped->stopped);
  EXPECT_EQ(stopped->punches, 1u);
  expect_only({0});
}

TEST_F(PunchTest, IsNotCutBelowWhatWasPunched) {
  fill();
  const Log::Range dead[] = {range(headers_[5])};
  ASSERT_OK(log_->punch(dead, go_on));
  EXPECT_ERROR(kInvalidArgument, log_->truncate(headers_[3].lsn));
  ASSERT_OK(log_->truncate(headers_[6].lsn));
  headers_.resize(6);
  expect_only({5});
  // The segment is written to again, and read by recovery with its map.
  ASSERT_OK(commit(*log_.log, Epoch{1}, record("more", text(6, kBytes))));
  ASSERT_OK(log_->truncate(headers_[5].end()));
  open({.scan_from = headers_[5].lsn});
  expect_only({5});
}

TEST_F(PunchTest, RefusesDamageOutsideOfThem) {
  fill();
  const Log::Range dead[] = {range(headers_[1])};
  ASSERT_OK(log_->punch(dead, go_on));
  log_ = {};
  // The header of the record whose body is gone.
  env_.flip_bit(segment_paths(env_)[0], kSegmentHeaderBytes + headers_[1].lsn.value + 50, 1);
  EXPECT_ERROR(kCorrupt, open_log(env_, {}, punch_log()));
}

TEST_F(PunchTest, ZeroesThatNobodyNotedAreDamage) {
  fill();
  log_ = {};
  const auto file = *env_.open(segment_paths(env_)[0], Env::Open::kWrite);
  ASSERT_OK(file->punch(kSegmentHeaderBytes + headers_[1].body_at().value, kBytes));
  EXPECT_ERROR(kCorrupt, open_log(env_, {}, punch_log()));
}

TEST_F(PunchTest, ADamagedEntryIsMadeUpForByItsHole) {
  fill();
  const Log::Range dead[] = {range(headers_[0]), range(headers_[1])};
  ASSERT_OK(log_->punch(dead, go_on));
  log_ = {};
  std::string path = segment_paths(env_)[0];
  path.replace(path.size() - 3, 3, "pm");
  for (const std::uint64_t byte : {3u, 17u, 33u}) {
    env_.flip_bit(path, byte, 2);
    open();
    const auto seen = scan_all(*log_.log);
    ASSERT_OK(seen);
    EXPECT_EQ(seen->size(), headers_.size());
    EXPECT_EQ(log_->verify().value_or(Strings{"?"}), Strings{});
    EXPECT_FALSE(log_->read(extent(headers_[1])));
    log_ = {};
  }
}

// docs/formats/log.md shows this file.
TEST(GoldenPunchMap, IsReadForEver) {
  SegmentHeader header;
  for (std::size_t i = 0; i < 16; ++i) header.identity.cluster[i] = static_cast<std::byte>(i + 1);
  header.identity.shard = ShardId{7};
  header.identity.lineage = Lineage{1};
  header.epoch = Epoch{3};
  PosixEnv env;
  const std::string folder = std::string(EVERPOST_GOLDEN) + "/punch_map";
  const auto map = read_punch_map(env, folder, header);
  ASSERT_OK(map);
  const std::vector<Log::Range> done = {{Lsn{4096}, 8192}, {Lsn{20480}, 4096}};
  const std::vector<Log::Range> unsure = {{Lsn{40960}, 12288}};
  EXPECT_EQ(map->ranges(), (std::vector{done[0], done[1], unsure[0]}));
  EXPECT_EQ(map->unsure(), unsure);
  EXPECT_FALSE(map->damaged());
  EXPECT_TRUE(map->touches(Lsn{1000}, 3097));
  EXPECT_FALSE(map->touches(Lsn{1000}, 3096));
  EXPECT_TRUE(map->touches(Lsn{53'247}, 1));
  EXPECT_FALSE(map->touches(Lsn{53'248}, 1));
  EXPECT_EQ(*read_file(env, folder + "/" + punch_map_name(header), 1 << 20),
            encode_punches(header, done, true) + encode_punches_done(header) +
                encode_punches(header, unsure, false));
}

TEST_F(PunchTest, ANewerMapIsRefused) {
  fill();
  const auto header = *decode_segment_header(
      as_bytes(*read_file(env_, segment_paths(env_)[0], 1 << 20)).first(kSegmentHeaderBytes));
  std::string newer = "MLOGPM02";
  append_le(newer, header.epoch.value);
  // A right checksum: that of the same bytes as an entry.
  std::string as_entry =
      encode_punches(header,
                     std::array{Log::Range{Lsn{load_le<std::uint64_t>(as_bytes(newer).data())},
                                           header.epoch.value}},
                     false);
  EXPECT_ERROR(kUnsupported, decode_punch_map(as_bytes(as_entry), header));
}

TEST_F(PunchTest, DropsSegmentsFromTheFront) {
  fill();
  const Log::Range dead[] = {range(headers_[0])};
  ASSERT_OK(log_->punch(dead, go_on));
  const auto second = parse_segment_name(segment_paths(env_)[1].substr(4));
  EXPECT_EQ(log_->drop_before(second->base).value_or(0), 1u);
  EXPECT_EQ(log_->begin(), second->base);
  EXPECT_ERROR(kNotFound, log_->read(extent(headers_[0])));
  EXPECT_ERROR(kNotFound, log_->read_record(headers_[0].lsn));
  EXPECT_ERROR(kNotFound, log_->truncate(headers_[0].lsn));
  std::erase_if(headers_, [&](const auto& header) { return header.lsn < second->base; });
  for (const std::string& name : *env_.list(kFolder)) EXPECT_FALSE(name.ends_with(".pm")) << name;
  open({.scan_from = headers_.back().lsn});
  EXPECT_EQ(log_->begin(), second->base);
  EXPECT_EQ(scan_all(*log_.log)->size(), headers_.size());
  // Never the last one.
  ASSERT_OK(log_->drop_before(Lsn{UINT64_MAX}));
  EXPECT_EQ(log_->begin(), log_->sealed_end());
  open({.scan_from = log_->end()});
}

// The end of the machine at every operation of a collection.
TEST_F(PunchTest, SurvivesACrashAtEveryStep) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    MemoryEnv env(seed);
    auto opened = open_log(env, {}, punch_log());
    ASSERT_OK(opened);
    std::vector<RecordHeader> headers;
    for (std::size_t i = 0; i < 12; ++i)
      headers.push_back(*commit(*opened->log, Epoch{1}, record("m", text(i, kBytes))));
    const Log::Range first[] = {range(headers[1])};
    ASSERT_OK((*opened)->punch(first, go_on));
    const Log::Range dead[] = {range(headers[0]), range(headers[2]), range(headers[5])};
    env.stop_at(env.operations() + 1 + seed % 40);
    const auto done = (*opened)->punch(dead, go_on);
    if (done) (void)(*opened)->drop_before(headers[6].lsn);
    opened = OpenLog{};
    env.crash(seed % 3 == 0 ? Crash::kProcess : Crash::kPower, static_cast<double>(seed % 5) / 4);
    opened = open_log(env, {.scan_from = headers[6].lsn, .durable_hint = headers[11].end()},
                      punch_log());
    ASSERT_OK(opened);
    opened = OpenLog{};
    opened = open_log(env, {}, punch_log());
    ASSERT_OK(opened);
    EXPECT_EQ((*opened)->verify().value_or(Strings{"?"}), Strings{});
    const auto again = (*opened)->punch(dead, go_on);
    ASSERT_OK(again);
    EXPECT_EQ((*opened)->verify().value_or(Strings{"?"}), Strings{});
    for (const std::size_t alive : {3u, 4u, 6u, 7u, 8u, 9u}) {
      if (headers[alive].lsn < (*opened)->begin()) continue;
      EXPECT_EQ((*opened)->read(extent(headers[alive])).value_or("?"), text(alive, kBytes))
          << alive;
    }
    for (const std::size_t gone : {0u, 1u, 2u, 5u})
      EXPECT_ERROR(kNotFound, (*opened)->read(extent(headers[gone])));
  }
}

}  // namespace
}  // namespace everpost::storage
