// What open() makes of a damaged or interrupted log: hazards H24, H26, H27, H28 and H32.
#include "base/crc32c.h"
#include "storage/log/record_codec.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

constexpr Epoch kOne{1}, kTwo{2};

// Three segments of two epochs: head, middle, tail. What is in them, by LSN.
struct Sample {
  std::unique_ptr<MemoryEnv> env = std::make_unique<MemoryEnv>();
  std::map<Lsn, RecordHeader> headers;
  std::vector<Seen> seen;
  Lsn end;
};
Sample make_sample(std::size_t body_bytes = 60) {
  Sample sample;
  const auto opened = open_log(*sample.env);
  EXPECT_OK(opened);
  Log& log = *opened->log;
  for (int i = 0; i < 9; ++i) {
    if (i == 3) EXPECT_OK(log.roll(kOne));
    const NewRecord one = record("m" + std::to_string(i), text(i, i % 2 ? body_bytes : 5));
    const auto header = commit(log, i < 6 ? kOne : kTwo, one);
    EXPECT_OK(header);
    sample.headers[header->lsn] = *header;
    sample.seen.push_back({header->lsn, one.meta, *one.body[0]});
  }
  sample.end = log.end();
  return sample;
}

std::vector<std::string> names(const Sample& sample, std::size_t count) {
  std::vector<std::string> metas;
  for (std::size_t i = 0; i < count; ++i) metas.push_back(sample.seen[i].meta);
  return metas;
}

TEST(LogRecovery, NeverServesAFlippedBit) {
  const Sample whole = make_sample();
  const auto paths = segment_paths(*whole.env);
  ASSERT_EQ(paths.size(), 3u);
  std::size_t refused = 0, opened_ok = 0;
  for (std::size_t s = 0; s < paths.size(); ++s) {
    const Lsn base = parse_segment_name(paths[s].substr(kFolder.size() + 1))->base;
    const Lsn end = s + 1 < paths.size()
                        ? parse_segment_name(paths[s + 1].substr(kFolder.size() + 1))->base
                        : whole.end;
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t at = 0; at < 100; ++at) offsets.push_back(at);
    for (std::uint64_t at = 0; at < end - base; ++at) offsets.push_back(kSegmentHeaderBytes + at);
    for (const std::uint64_t offset : offsets) {
      SCOPED_TRACE(paths[s] + " byte " + std::to_string(offset));
      Sample sample = make_sample();
      sample.env->flip_bit(paths[s], offset, offset % 8);
      const auto log =
          open_log(*sample.env, {.scan_from = {}, .durable_hint = sample.end, .clean = false});
      if (!log) {
        EXPECT_EQ(log.error().code, ErrorCode::kCorrupt) << why(log.error());
        ++refused;
        continue;
      }
      ++opened_ok;  // a byte that means nothing
      EXPECT_EQ((*log)->end(), sample.end);
      EXPECT_EQ(scan_all(*log->log).value_or(std::vector<Seen>{}), sample.seen);
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(opened_ok, 20u);  // padding, and the unused part of the segments' headers
}

TEST(LogRecovery, ARunningLogNeverServesAFlippedBit) {
  const Sample whole = make_sample();
  for (const RecordHeader* header :
       {&whole.headers.at(whole.seen[1].lsn), &whole.headers.at(whole.seen[4].lsn),
        &whole.headers.at(whole.seen[8].lsn)}) {
    for (std::uint64_t at = 0; at < header->end() - header->lsn; ++at) {
      Sample sample = make_sample();
      const auto log = open_log(*sample.env, {.scan_from = {}, .durable_hint = {}, .clean = true});
      ASSERT_OK(log);
      for (const std::string& path : segment_paths(*sample.env)) {
        const Lsn base = parse_segment_name(path.substr(kFolder.size() + 1))->base;
        if (base <= header->lsn)  // in the other segments it is behind the end
          sample.env->flip_bit(path, kSegmentHeaderBytes + (header->lsn - base) + at, at % 8);
      }
      for (const Seen& want : sample.seen) {
        const RecordHeader& one = sample.headers.at(want.lsn);
        if (const auto got = (*log)->read_record(want.lsn)) {
          EXPECT_EQ(as_text(got->meta), want.meta);
          EXPECT_EQ(as_text(got->body), want.body);
        } else {
          EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
        }
        if (const auto got = (*log)->read({one.body_at(), one.body_bytes, one.body_crc}))
          EXPECT_EQ(*got, want.body);
        else
          EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
      }
    }
  }
}

// A log with a durable record and then, not synced, a group of four, of which the power failed
// while it was written. `file` is the active segment; the group is at [start, end).
struct Torn {
  MemoryEnv env;
  std::string path;
  Lsn start, end;
  std::vector<Lsn> lsns;
  std::string bytes;
};
void make_torn(Torn& torn) {
  const auto log = open_log(torn.env);
  ASSERT_OK(log);
  ASSERT_OK(commit(*log->log, kOne, record("durable", text(0, 300))));
  torn.start = (*log)->end();
  std::vector<NewRecord> group;
  for (int i = 1; i <= 4; ++i) group.push_back(record("g" + std::to_string(i), text(i, 900)));
  const auto headers = (*log)->append(kOne, torn.start, group);
  ASSERT_OK(headers);
  for (const RecordHeader& header : *headers) torn.lsns.push_back(header.lsn);
  torn.end = (*log)->end();
  torn.path = segment_paths(torn.env)[0];
  torn.bytes = *read_file(torn.env, torn.path, 1 << 20);
}

TEST(LogRecovery, H26CutsATailTornAtAnySector) {
  Torn whole;
  make_torn(whole);
  const std::uint64_t first = kSegmentHeaderBytes + whole.start.value;
  const std::uint64_t last = kSegmentHeaderBytes + whole.end.value;
  for (const bool same_boot : {true, false}) {
    for (const bool missing_one : {false, true}) {  // all from a sector on, or that sector alone
      for (std::uint64_t cut = first; cut < last; cut = (cut / 512 + 1) * 512) {
        SCOPED_TRACE("at " + std::to_string(cut) + (missing_one ? ", one sector" : ", all after"));
        Torn torn;
        make_torn(torn);
        const std::uint64_t end = missing_one ? std::min((cut / 512 + 1) * 512, last) : last;
        overwrite(torn.env, torn.path, cut, as_bytes(std::string(end - cut, '\0')));
        torn.env.crash(MemoryEnv::Crash::kProcess);
        const auto log = open_log(
            torn.env,
            {.scan_from = {}, .durable_hint = torn.start, .clean = false, .same_boot = same_boot});
        ASSERT_OK(log);
        std::vector<std::string> want = {"durable"};
        Lsn want_end = torn.start;
        for (std::size_t i = 0; i < 4; ++i) {
          const Lsn record_end = i + 1 < 4 ? torn.lsns[i + 1] : torn.end;
          if (kSegmentHeaderBytes + record_end.value > cut) break;
          want.push_back("g" + std::to_string(i + 1));
          want_end = record_end;
        }
        EXPECT_EQ(metas(*log->log), want);
        EXPECT_EQ((*log)->end(), want_end);
        EXPECT_EQ((*log)->durable(), want_end);
        const bool left = kSegmentHeaderBytes + want_end.value < cut || missing_one;
        EXPECT_EQ(log->recovery.torn_at.has_value(), left && log->recovery.torn_bytes > 0);
        EXPECT_TRUE(log->recovery.copied_forward);
        // After a power loss the cut bytes are kept for the operator.
        EXPECT_EQ(log->recovery.salvage.empty(), same_boot || !log->recovery.torn_at);
        if (!log->recovery.salvage.empty()) {
          const auto kept = *read_file(torn.env, kFolder + "/" + log->recovery.salvage, 1 << 20);
          std::string expected = torn.bytes;
          expected.replace(cut, end - cut, end - cut, '\0');
          EXPECT_EQ(kept, expected.substr(kSegmentHeaderBytes + want_end.value,
                                          log->recovery.torn_bytes));
        }
        // Nothing of the tail is left in the file.
        const auto file = *read_file(torn.env, torn.path, 1 << 20);
        EXPECT_EQ(file.find_first_not_of('\0', kSegmentHeaderBytes + want_end.value),
                  std::string::npos);
        EXPECT_OK(commit(*log->log, kOne, record("next")));
      }
    }
  }
}

TEST(LogRecovery, H27RefusesABadRecordBelowWhatWasDurable) {
  Sample sample = make_sample();
  const Lsn last = sample.seen.back().lsn;
  const Lsn base =
      parse_segment_name(segment_paths(*sample.env)[2].substr(kFolder.size() + 1))->base;
  sample.env->flip_bit(segment_paths(*sample.env)[2], kSegmentHeaderBytes + (last - base) + 64, 1);
  const auto before = files(*sample.env);
  const auto refused =
      open_log(*sample.env, {.scan_from = {}, .durable_hint = sample.end, .clean = false});
  EXPECT_ERROR(kCorrupt, refused);
  EXPECT_NE(refused.error().context.find("lsn " + to_string(last)), std::string::npos);
  EXPECT_EQ(files(*sample.env), before);
  // With a hint that does not cover it, it is a torn tail.
  const auto log = open_log(*sample.env, {.scan_from = {}, .durable_hint = last, .clean = false});
  ASSERT_OK(log);
  EXPECT_EQ((*log)->end(), last);
  EXPECT_EQ(metas(*log->log), names(sample, 8));
}

TEST(LogRecovery, H27RefusesALostSuffixBelowWhatWasDurable) {
  Sample sample = make_sample();
  const auto path = segment_paths(*sample.env)[2];
  overwrite(*sample.env, path, kSegmentHeaderBytes,
            as_bytes(std::string(small_log().segment_bytes - kSegmentHeaderBytes, '\0')));
  EXPECT_ERROR(kCorrupt, open_log(*sample.env, {.scan_from = {}, .durable_hint = sample.end}));
}

TEST(LogRecovery, H27RefusesABadRecordWithAValidOneAGroupBehindIt) {
  MemoryEnv env;
  std::vector<RecordHeader> headers;
  {
    const auto log = open_log(env);
    ASSERT_OK(log);
    for (int i = 0; i < 6; ++i) {
      const NewRecord one = record("m" + std::to_string(i), text(i, 3000));
      const auto got = (*log)->append(kOne, Lsn{}, {&one, 1});  // commit points tell nothing
      ASSERT_OK(got);
      headers.push_back(got->front());
      ASSERT_OK((*log)->sync());
    }
  }
  const Log::Start start{
      .scan_from = {}, .durable_hint = {}, .clean = false, .commits_were_durable = false};
  const auto path = segment_paths(env)[0];
  env.flip_bit(path, kSegmentHeaderBytes + headers[2].lsn.value + 8, 0);
  const auto before = files(env);
  EXPECT_ERROR(kCorrupt, open_log(env, start));
  EXPECT_EQ(files(env), before);
  // Closer to the end it cannot be told from a torn group.
  env.flip_bit(path, kSegmentHeaderBytes + headers[2].lsn.value + 8, 0);
  env.flip_bit(path, kSegmentHeaderBytes + headers[4].lsn.value + 8, 0);
  const auto log = open_log(env, start);
  ASSERT_OK(log);
  EXPECT_EQ((*log)->end(), headers[4].lsn);
}

TEST(LogRecovery, H27RefusesABadRecordThatALaterOneKnowsAsCommitted) {
  Sample sample = make_sample();  // each record's commit point is the end of the one before
  const auto path = segment_paths(*sample.env)[2];
  const Lsn bad = sample.seen[6].lsn;
  sample.env->flip_bit(path, kSegmentHeaderBytes + 8, 0);  // the first record of the last segment
  EXPECT_ERROR(kCorrupt, open_log(*sample.env, {.scan_from = {}, .durable_hint = {}}));
  const auto log = open_log(*sample.env, {.scan_from = {},
                                          .durable_hint = {},
                                          .clean = false,
                                          .same_boot = true,
                                          .commits_were_durable = false});
  ASSERT_OK(log);
  EXPECT_EQ((*log)->end(), bad);
}

TEST(LogRecovery, H27RefusesDamageInASegmentThatHasASuccessor) {
  for (const std::size_t segment : {0, 1}) {
    Sample sample = make_sample();
    sample.env->flip_bit(segment_paths(*sample.env)[segment], kSegmentHeaderBytes + 65, 0);
    const auto before = files(*sample.env);
    EXPECT_ERROR(kCorrupt, open_log(*sample.env, {}));
    EXPECT_EQ(files(*sample.env), before);
  }
}

TEST(LogRecovery, RefusesAMissingOrForeignSegment) {
  {
    Sample sample = make_sample();
    ASSERT_OK(sample.env->remove(segment_paths(*sample.env)[1]));
    EXPECT_ERROR(kCorrupt, open_log(*sample.env, {}));
  }
  {
    Sample sample = make_sample();
    LogOptions other = small_log();
    other.identity.shard = ShardId{8};
    EXPECT_ERROR(kCorrupt, open_log(*sample.env, {}, other));
    other = small_log();
    other.identity.disk.fill(std::byte{9});  // told by the replica's meta, not here
    EXPECT_OK(open_log(*sample.env, {}, other));
  }
  {
    Sample sample = make_sample();
    for (const auto& path : segment_paths(*sample.env)) ASSERT_OK(sample.env->remove(path));
    EXPECT_ERROR(kCorrupt, open_log(*sample.env, {.scan_from = {}, .durable_hint = sample.end}));
  }
  {
    Sample sample = make_sample();
    const auto paths = segment_paths(*sample.env);
    ASSERT_OK(sample.env->rename(paths[2], kFolder + "/" + "00000000000003e8-00000002.seg"));
    EXPECT_ERROR(kCorrupt, open_log(*sample.env, {}));
  }
}

TEST(LogRecovery, LeavesForeignFilesAlone) {
  Sample sample = make_sample();
  ASSERT_OK(write_file_atomically(*sample.env, kFolder + "/notes.txt", as_bytes("mine")));
  ASSERT_OK(open_log(*sample.env, {}));
  EXPECT_EQ(read_file(*sample.env, kFolder + "/notes.txt", 100).value_or("?"), "mine");
}

// H28: bytes of an earlier tail have valid checksums and the right positions.
TEST(LogRecovery, H28AStaleTailDoesNotComeBack) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    MemoryEnv env(seed);
    Lsn cut, durable;
    {
      const auto log = open_log(env);
      ASSERT_OK(log);
      ASSERT_OK(commit(*log->log, kOne, record("keep", text(0, 700))));
      cut = (*log)->end();
      for (const char* meta : {"old1", "old2", "old3"})
        ASSERT_OK(commit(*log->log, kOne, record(meta, text(1, 700))));
      ASSERT_OK((*log)->truncate(cut));
      const NewRecord fresh = record("new1", text(2, 700));  // as long as old1: old2 would follow
      ASSERT_OK((*log)->append(kOne, cut, {&fresh, 1}));
      if (seed % 2) ASSERT_OK((*log)->sync());
      durable = (*log)->durable();
    }
    env.crash(MemoryEnv::Crash::kPower);
    const auto log = open_log(
        env, {.scan_from = {}, .durable_hint = durable, .clean = false, .same_boot = false});
    ASSERT_OK(log);
    const auto found = metas(*log->log);
    EXPECT_TRUE(found == (std::vector<std::string>{"keep", "new1"}) ||
                (seed % 2 == 0 && found == std::vector<std::string>{"keep"}));
  }
}

TEST(LogRecovery, H28ATornTailDoesNotComeBackBehindNewRecords) {
  Torn torn;
  make_torn(torn);
  // g1 is damaged, g2..g4 are valid. What is written in place of g1 has the same length.
  torn.env.flip_bit(torn.path, kSegmentHeaderBytes + torn.lsns[0].value + 80, 0);
  {
    const auto log = open_log(torn.env, {.scan_from = {}, .durable_hint = torn.start});
    ASSERT_OK(log);
    ASSERT_OK(commit(*log->log, kOne, record("n1", text(1, 900))));
    EXPECT_EQ((*log)->end(), torn.lsns[1]);
  }
  const auto log = open_log(torn.env, {});
  ASSERT_OK(log);
  EXPECT_EQ(metas(*log->log), (std::vector<std::string>{"durable", "n1"}));
}

TEST(LogRecovery, H28AChainIsNeededToFollow) {
  Sample sample = make_sample(5);
  // A record that is valid in all but its predecessor: the successor's place taken by a copy whose
  // prev_crc is another one's.
  const RecordHeader& victim = sample.headers.at(sample.seen[7].lsn);
  RecordHeader forged = victim;
  forged.prev_crc ^= 1;
  std::array<std::byte, kRecordHeaderBytes> bytes;
  encode_header(forged, header_seed(small_log().identity), bytes);
  const auto path = segment_paths(*sample.env)[2];
  const Lsn base = parse_segment_name(path.substr(kFolder.size() + 1))->base;
  overwrite(*sample.env, path, kSegmentHeaderBytes + (victim.lsn - base), bytes);
  EXPECT_ERROR(kCorrupt, open_log(*sample.env, {.scan_from = {}, .durable_hint = sample.end}));
}

TEST(LogRecovery, H24CopiesForwardWhatAFailedSyncLeftInThePageCache) {
  MemoryEnv env;
  Lsn end;
  {
    const auto log = open_log(env);
    ASSERT_OK(log);
    ASSERT_OK(commit(*log->log, kOne, record("durable")));
    const NewRecord lost = record("not acknowledged", text(1, 2000));
    ASSERT_OK((*log)->append(kOne, Lsn{}, {&lost, 1}));
    end = (*log)->end();
    env.fail_next_sync(MemoryEnv::SyncFault::kKeeps);
    EXPECT_ERROR(kIo, (*log)->sync());
    // From here on nobody is told anything.
    EXPECT_ERROR(kIo, (*log)->sync());
    EXPECT_ERROR(kIo, (*log)->append(kOne, Lsn{}, {&lost, 1}));
    EXPECT_ERROR(kIo, (*log)->roll(kTwo));
    EXPECT_ERROR(kIo, (*log)->truncate(Lsn{}));
    EXPECT_ERROR(kIo, (*log)->read_record(Lsn{}));
    EXPECT_ERROR(kIo, scan_all(*log->log));
    EXPECT_ERROR(kIo, (*log)->verify());
  }
  env.crash(MemoryEnv::Crash::kProcess);
  {
    const auto log = open_log(env, {});  // still readable, and now durable in the copy
    ASSERT_OK(log);
    EXPECT_TRUE(log->recovery.copied_forward);
    EXPECT_EQ((*log)->durable(), end);
  }
  env.crash(MemoryEnv::Crash::kPower);
  const auto log = open_log(env, {.scan_from = {}, .durable_hint = end, .same_boot = false});
  ASSERT_OK(log);
  EXPECT_EQ(metas(*log->log), (std::vector<std::string>{"durable", "not acknowledged"}));
}

TEST(LogRecovery, H24SurvivesASyncThatReverts) {
  MemoryEnv env;
  {
    const auto log = open_log(env);
    ASSERT_OK(log);
    ASSERT_OK(commit(*log->log, kOne, record("durable")));
    const NewRecord lost = record("lost", text(1, 2000));
    ASSERT_OK((*log)->append(kOne, Lsn{}, {&lost, 1}));
    env.fail_next_sync(MemoryEnv::SyncFault::kReverts);
    EXPECT_ERROR(kIo, (*log)->sync());
  }
  env.crash(MemoryEnv::Crash::kProcess);
  const auto log = open_log(env, {});
  ASSERT_OK(log);
  EXPECT_EQ(metas(*log->log), std::vector<std::string>{"durable"});
}

TEST(LogRecovery, H24AFailedWriteEndsTheLogUntilItIsReopened) {
  MemoryEnv env;
  {
    const auto log = open_log(env);
    ASSERT_OK(log);
    ASSERT_OK(commit(*log->log, kOne, record("durable")));
    env.fail_next_write();
    EXPECT_ERROR(kIo, commit(*log->log, kOne, record("torn", text(1, 4000))));
    EXPECT_ERROR(kIo, commit(*log->log, kOne, record("after")));
  }
  const auto log = open_log(env, {});
  ASSERT_OK(log);
  EXPECT_EQ(metas(*log->log), std::vector<std::string>{"durable"});
  EXPECT_OK(commit(*log->log, kOne, record("after")));
}

TEST(LogRecovery, ACleanStopIsNotCopied) {
  MemoryEnv env;
  Lsn end;
  {
    const auto log = open_log(env);
    ASSERT_OK(log);
    ASSERT_OK(commit(*log->log, kOne, record("a")));
    ASSERT_OK((*log)->roll(kOne));
    end = (*log)->end();
  }
  const auto log = open_log(env, {.scan_from = end, .durable_hint = end, .clean = true});
  ASSERT_OK(log);
  EXPECT_FALSE(log->recovery.copied_forward);
  EXPECT_EQ(log->recovery.records, 0u);
  EXPECT_OK(commit(*log->log, kOne, record("b")));
  EXPECT_EQ(metas(*log->log), (std::vector<std::string>{"a", "b"}));
}

TEST(LogRecovery, CutsATornTailEvenAfterAStopThatWasSaidToBeClean) {
  Torn torn;
  make_torn(torn);
  torn.env.flip_bit(torn.path, kSegmentHeaderBytes + torn.lsns[2].value, 0);
  const auto log = open_log(torn.env, {.scan_from = {}, .durable_hint = torn.start, .clean = true});
  ASSERT_OK(log);
  EXPECT_EQ(log->recovery.torn_at, torn.lsns[2]);
  EXPECT_EQ(metas(*log->log), (std::vector<std::string>{"durable", "g1", "g2"}));
  const auto file = *read_file(torn.env, torn.path, 1 << 20);
  EXPECT_EQ(file.find_first_not_of('\0', kSegmentHeaderBytes + torn.lsns[2].value),
            std::string::npos);
}

TEST(LogRecovery, GoesOnInANewSegmentWithALargerBoundOnGroups) {
  MemoryEnv env;
  {
    const auto log = open_log(env);
    ASSERT_OK(log);
    ASSERT_OK(commit(*log->log, kOne, record("a")));
  }
  LogOptions larger = small_log();
  larger.group_bytes_max *= 2;
  const auto log = open_log(env, {.scan_from = {}, .durable_hint = {}, .clean = true}, larger);
  ASSERT_OK(log);
  ASSERT_OK(commit(*log->log, kOne, record("b", text(1, 10000))));
  EXPECT_EQ(segment_paths(env).size(), 2u);
  EXPECT_EQ(metas(*log->log), (std::vector<std::string>{"a", "b"}));
}

TEST(LogRecovery, NeedsSpaceForTheCopyAndChangesNothingWithoutIt) {
  Sample sample = make_sample();
  sample.env->crash(MemoryEnv::Crash::kProcess);
  ASSERT_OK(sample.env->remove(kFolder + "/ready.tmp"));
  ASSERT_OK(sample.env->sync_folder(kFolder));
  const auto before = files(*sample.env);
  const auto space = sample.env->space("/");
  sample.env->set_space(space->total_bytes - space->free_bytes);
  EXPECT_ERROR(kNoSpace, open_log(*sample.env, {}));
  EXPECT_EQ(files(*sample.env), before);
  sample.env->set_space(1 << 30);
  const auto log = open_log(*sample.env, {});
  ASSERT_OK(log);
  EXPECT_EQ(metas(*log->log), names(sample, 9));
}

}  // namespace
}  // namespace everpost::storage
