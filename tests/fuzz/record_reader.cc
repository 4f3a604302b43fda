// Arbitrary bytes as the segments of a log: opening, reading, scanning, checking and going on with
// it must neither crash nor hang nor read outside, whatever they say.
//
// The first byte of the input says how it is used. Bytes that are to get past the checksums get
// right ones: otherwise nearly every input would end at the first of them.
#include <cstdlib>

#include "base/crc32c.h"
#include "storage/env/memory_env.h"
#include "storage/log/log.h"
#include "storage/log/record_codec.h"
#include "storage/log/segment_header.h"

namespace everpost::storage {
namespace {

enum Use : unsigned {
  kHeaderToo = 1,    // the input holds the segment's header as well
  kFixHeaders = 2,   // records' headers get the position and the checksum they should have
  kFixContents = 4,  // and so do meta and body
  kTwoSegments = 8,  // the second half is a segment of its own
  kClean = 16,
  kRebooted = 32,
};

LogOptions options() {
  LogOptions options;
  options.folder = "log";
  options.identity.shard = ShardId{1};
  options.segment_bytes = 32 << 10;
  options.group_bytes_max = 4 << 10;
  return options;
}

// Makes headers valid, one after the other, as long as their lengths lead to another one.
void fix(std::string& records, const SegmentHeader& segment, unsigned use, std::uint32_t& chain) {
  const std::uint32_t seed = header_seed(segment.identity);
  auto* bytes = reinterpret_cast<std::byte*>(records.data());
  std::uint64_t at = 0;
  while (at + kRecordHeaderBytes <= records.size()) {
    std::byte* header = bytes + at;
    const std::uint64_t header_bytes =
        std::max<std::uint64_t>(std::to_integer<unsigned>(header[7]) * 8, kRecordHeaderBytes);
    if (at + header_bytes > records.size()) return;
    store_le(header + 8, (segment.base() + at).value);
    store_le(header + 16, segment.epoch.value);
    store_le(header + 24, chain);
    const std::uint64_t meta = load_le<std::uint32_t>(header + 28);
    const std::uint64_t body = load_le<std::uint32_t>(header + 32);
    const std::uint64_t body_at = at + header_bytes + pad8(meta);
    const std::uint64_t end = body_at + pad8(body);
    if ((use & kFixContents) && end <= records.size()) {
      store_le(header + 36, crc32c(Bytes(bytes + at + header_bytes, meta)));
      store_le(header + 40, crc32c(Bytes(bytes + body_at, body)));
    }
    chain = crc32c_extend(seed, Bytes(header + 4, header_bytes - 4));
    store_le(header, chain);
    at = end;
  }
}

void put(Env& env, const std::string& name, std::string_view bytes) {
  if (!write_file_atomically(env, "log/" + name, as_bytes(bytes))) std::abort();
}

void use(Log& log) {
  Lsn last;
  std::size_t count = 0;
  const auto scanned = log.scan(log.begin(), log.end(), [&](const Record& record) -> Result<bool> {
    if (crc32c(record.body) != record.header.body_crc) std::abort();
    if (record.header.lsn < last) std::abort();
    last = record.header.lsn;
    const RecordHeader& header = record.header;
    if (!log.read_record(header.lsn)) std::abort();
    if (!log.read({header.body_at(), header.body_bytes, header.body_crc})) std::abort();
    ++count;
    return true;
  });
  (void)log.verify();
  (void)log.stats();
  // What may not be a record's start.
  for (const std::uint64_t lsn : {std::uint64_t{8}, log.end().value / 2 & ~7, log.end().value - 8})
    (void)log.read_record(Lsn{lsn});
  NewRecord record;
  record.meta = "after";
  record.seal();
  const auto appended = log.append(Epoch{UINT32_MAX}, Lsn{}, {&record, 1});
  if (appended && scanned) {
    std::size_t again = 0;
    if (!log.scan(log.begin(), log.end(), [&](const Record&) -> Result<bool> {
          ++again;
          return true;
        }))
      std::abort();
    if (again != count + 1) std::abort();
  }
  (void)log.truncate(last);
}

}  // namespace
}  // namespace everpost::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace everpost;
  using namespace everpost::storage;
  if (size < 1 || size > (24 << 10)) return 0;
  const unsigned how = data[0];
  std::string input(reinterpret_cast<const char*>(data + 1), size - 1);

  MemoryEnv env;
  if (!env.make_folder("log")) std::abort();
  SegmentHeader segment;
  segment.identity = options().identity;
  segment.epoch = Epoch{1};
  segment.group_bytes_max = options().group_bytes_max;
  if (how & kHeaderToo) {
    put(env, segment_name(segment), input);
  } else {
    const std::size_t parts = how & kTwoSegments ? 2 : 1;
    std::size_t taken = 0;
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t bytes =
          part + 1 < parts ? (input.size() / 2) & ~std::size_t{7} : input.size() - taken;
      std::string records = input.substr(taken, bytes);
      taken += bytes;
      std::uint32_t chain = segment.start.crc;
      if (how & kFixHeaders) fix(records, segment, how, chain);
      const auto header = encode_segment_header(segment);
      put(env, segment_name(segment), std::string(as_text(header)) + records);
      segment.start.end = segment.start.end + bytes;
      segment.start.crc = chain;
    }
  }
  LogRecovery recovery;
  const auto log = Log::open(env, options(),
                             {.scan_from = {},
                              .durable_hint = {},
                              .clean = (how & kClean) != 0,
                              .same_boot = (how & kRebooted) == 0},
                             recovery);
  if (log) use(**log);
  return 0;
}
