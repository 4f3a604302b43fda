// Records that have their place already: what a copy's log takes, and what is checked where.
#include "storage/log/record_codec.h"
#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

constexpr Epoch kOne{1}, kTwo{2};
const std::uint32_t kSeed = header_seed(small_log().identity);

// A record on its way: PlacedRecord only points at what it holds.
struct Sent {
  RecordHeader header;
  std::string meta;
  std::vector<SharedBytes> body;
  PlacedRecord placed() const { return {header, meta, body}; }
  void reseal() {  // the header's checksum, after a change
    std::array<std::byte, kRecordHeaderBytes> bytes;
    encode_header(header, kSeed, bytes);
  }
};

std::vector<Sent> send(const std::vector<NewRecord>& records, Log::Tail at = {}, Epoch epoch = kOne,
                       Lsn commit = {}) {
  std::vector<Sent> sent;
  for (const NewRecord& record : records) {
    sent.push_back({place(record, at.end, at.crc, epoch, commit, record.time, kSeed), record.meta,
                    record.body});
    at.end = sent.back().header.end();
    at.crc = sent.back().header.crc;
  }
  return sent;
}

Result<void> append(Log& log, const std::vector<Sent>& sent) {
  std::vector<PlacedRecord> placed;
  for (const Sent& one : sent) placed.push_back(one.placed());
  return log.append_placed(placed);
}

std::vector<NewRecord> some_records() {
  std::vector<NewRecord> records = {record("a", text(1, 700)), record("b"), record("", "c")};
  records[2].body = {share(text(2, 3)), share(""), share(text(3, 1500))};
  records[2].seal();
  return records;
}

TEST(AppendPlaced, MakesTheSameBytesAsThePrimarysAppend) {
  MemoryEnv primary, backup;
  const auto ours = open_log(primary), theirs = open_log(backup);
  ASSERT_OK(ours);
  ASSERT_OK(theirs);
  for (const Epoch epoch : {kOne, kTwo}) {
    const auto records = some_records();
    ASSERT_OK(append(*theirs->log, send(records, (*ours)->tail(), epoch, (*ours)->durable())));
    ASSERT_OK((*theirs)->sync());
    ASSERT_OK((*ours)->append(epoch, (*ours)->durable(), records));
    ASSERT_OK((*ours)->sync());
  }
  EXPECT_EQ((*ours)->tail().crc, (*theirs)->tail().crc);
  EXPECT_EQ(files(primary), files(backup));
}

TEST(AppendPlaced, RefusesWhatDoesNotGoOnFromItsEnd) {
  struct Case {
    const char* name;
    void (*change)(std::vector<Sent>&);
  };
  const Case cases[] = {
      {"another position",
       [](std::vector<Sent>& sent) {
         sent[0].header.lsn = sent[0].header.lsn + 8;
         sent[0].reseal();
       }},
      {"a gap", [](std::vector<Sent>& sent) { sent.erase(sent.begin() + 1); }},
      {"another chain",
       [](std::vector<Sent>& sent) {
         sent[0].header.prev_crc ^= 1;
         sent[0].reseal();
       }},
      {"a header changed on its way",
       [](std::vector<Sent>& sent) { ++sent[1].header.time.micros; }},
      {"a longer header", [](std::vector<Sent>& sent) { sent[2].header.header_bytes += 8; }},
      {"two epochs",
       [](std::vector<Sent>& sent) {
         sent[2].header.epoch = kTwo;
         sent[2].reseal();
       }},
      {"less meta than it says", [](std::vector<Sent>& sent) { sent[0].meta.clear(); }},
      {"more body than it says",
       [](std::vector<Sent>& sent) { sent[1].body.push_back(share("more")); }},
      {"a body it does not tell of",
       [](std::vector<Sent>& sent) {
         sent[2].header.flags = 0;
         sent[2].reseal();
       }},
      {"a meta that was not sealed",
       [](std::vector<Sent>& sent) {
         sent[0].header.meta_crc = 0;
         sent[0].reseal();
       }},
      {"a body that was not sealed",
       [](std::vector<Sent>& sent) {
         sent[0].header.body_crc = 0;
         sent[0].reseal();
       }},
      {"a commit point behind it",
       [](std::vector<Sent>& sent) {
         sent[2].header.commit = sent[2].header.lsn + 8;
         sent[2].reseal();
       }},
  };
  MemoryEnv env;
  const auto log = open_log(env);
  ASSERT_OK(log);
  ASSERT_OK(commit(*log->log, kOne, record("before")));
  const auto before = files(env);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<Sent> sent = send(some_records(), (*log)->tail());
    c.change(sent);
    EXPECT_ERROR(kInvalidArgument, append(*log->log, sent));
  }
  const NewRecord large = record("large", text(1, 5000));
  EXPECT_ERROR(kInvalidArgument, append(*log->log, send({large, large}, (*log)->tail())));
  EXPECT_ERROR(kFenced, append(*log->log, send(some_records(), (*log)->tail(), Epoch{0})));
  EXPECT_OK(append(*log->log, {}));
  EXPECT_EQ(files(env), before);
  EXPECT_OK(append(*log->log, send(some_records(), (*log)->tail())));
}

TEST(Verify, TakesWhatThePrimaryHasLaidOut) {
  for (const Sent& sent : send(some_records())) EXPECT_OK(verify(sent.placed(), kSeed));
}

TEST(Verify, RefusesAnyBitFlippedInMetaOrBody) {
  for (const Sent& whole : send(some_records())) {
    for (std::size_t bit = 0; bit < whole.meta.size() * 8; ++bit) {
      Sent sent = whole;
      sent.meta[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      EXPECT_ERROR(kCorrupt, verify(sent.placed(), kSeed));
    }
    for (std::size_t part = 0; part < whole.body.size(); ++part) {
      for (std::size_t bit = 0; bit < whole.body[part]->size() * 8; bit += 7) {
        Sent sent = whole;
        std::string bytes = *whole.body[part];
        bytes[bit / 8] ^= static_cast<char>(1 << (bit % 8));
        sent.body[part] = share(std::move(bytes));
        EXPECT_ERROR(kCorrupt, verify(sent.placed(), kSeed));
      }
    }
  }
}

// As they come over the wire: 64 bytes, then meta and body.
TEST(Verify, RefusesAnyBitFlippedInTheHeader) {
  const Sent whole = send(some_records())[0];
  std::array<std::byte, kRecordHeaderBytes> good;
  RecordHeader header = whole.header;
  encode_header(header, kSeed, good);
  for (std::size_t bit = 0; bit < kRecordHeaderBytes * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_FALSE(decode_header(bytes, kSeed)) << bit;
  }
  EXPECT_FALSE(decode_header(good, kSeed + 1));  // of another shard
}

TEST(Verify, RefusesChecksumsThatFitNoRecord) {
  Sent sent = send(some_records())[0];
  sent.header.body_crc ^= 1;
  sent.reseal();
  EXPECT_ERROR(kCorrupt, verify(sent.placed(), kSeed));
  sent = send(some_records())[0];
  sent.meta = "b";  // as long, and nothing else is changed
  EXPECT_ERROR(kCorrupt, verify(sent.placed(), kSeed));
  sent = send(some_records())[0];
  EXPECT_ERROR(kCorrupt, verify(sent.placed(), kSeed + 1));
  sent.header.header_bytes += 8;
  EXPECT_ERROR(kUnsupported, verify(sent.placed(), kSeed));
}

}  // namespace
}  // namespace everpost::storage
