// What a node asks of another one's copy of a shard, and is answered: repair and seeding.
// Little-endian integers without padding; texts with their length (u32) before them. Everything is
// checked when it is read, and nothing that a peer says is believed without a checksum of the log
// or the index.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/index/index.h"
#include "storage/log/segment_header.h"

namespace everpost::cluster {

struct CopyLimits {
  static constexpr std::uint64_t piece_bytes = 1 << 20;  // of one answer, but for one large record
  static constexpr std::size_t segments = 1 << 16;       // of one shard
  static constexpr std::uint64_t repair_bytes = 16 << 20;  // of one damaged part
};

// ---- repair. Answer: the bytes.
struct ExtentRequest {
  ShardId shard;
  storage::Extent extent;
};
// Whole records from `from` on, up to `to`: about a piece, at least one.
struct RecordsRequest {
  ShardId shard;
  Lsn from, to;
};

// ---- seeding
// Answer: LogState.
struct LogStateRequest {
  ShardId shard;
};
struct LogState {
  Lsn begin;  // from here on the records are all there, with their bodies
  Lsn applied;
  Lineage lineage;
};
// Keeps a snapshot of the index and the log that belongs to it, until SeedCloseRequest or an hour
// without a request. Answer: SeedOffer.
struct SeedOpenRequest {
  ShardId shard;
};
struct SeedOffer {
  std::uint64_t seed = 0;
  Lineage lineage;
  Lsn applied;  // what the snapshot has applied: the log is handed out up to here
  storage::StateDigest digest;
  struct Segment {
    Lsn base, end;
    Epoch epoch;
  };
  std::vector<Segment> segments;  // in order
};
// A piece of a segment's file, from `offset` of the file on. Answer: SeedPiece.
struct SeedSegmentRequest {
  std::uint64_t seed = 0;
  Lsn base;
  std::uint64_t offset = 0;
};
struct SeedPiece {
  std::uint64_t bytes = 0;  // of the file that this answers for; less than a piece at its end
  struct Run {
    std::uint32_t offset = 0;  // in the piece
    std::string bytes;
  };
  std::vector<Run> runs;  // what is not zero
};
// What was given back of a segment. Answer: SeedPunched.
struct SeedPunchedRequest {
  std::uint64_t seed = 0;
  Lsn base;
};
struct SeedPunched {
  std::vector<storage::Log::Range> ranges;  // in order, apart from each other
};
// Keys behind `after`. Answer: SeedKeys.
struct SeedIndexRequest {
  std::uint64_t seed = 0;
  std::string after;
};
struct SeedKeys {
  std::vector<std::pair<std::string, std::string>> entries;
  bool done = false;
};
struct SeedCloseRequest {
  std::uint64_t seed = 0;
};

using CopyRequest =
    std::variant<ExtentRequest, RecordsRequest, LogStateRequest, SeedOpenRequest,
                 SeedSegmentRequest, SeedIndexRequest, SeedCloseRequest, SeedPunchedRequest>;

std::string encode(const CopyRequest& request);
// Errors: kCorrupt; kUnsupported (of a later version).
Result<CopyRequest> decode_copy_request(Bytes bytes);

std::string encode(const LogState& state);
std::string encode(const SeedOffer& offer);
std::string encode(const SeedPiece& piece);
std::string encode(const SeedKeys& keys);
std::string encode(const SeedPunched& punched);
// Errors: kCorrupt.
Result<LogState> decode_log_state(Bytes bytes);
Result<SeedOffer> decode_seed_offer(Bytes bytes);
Result<SeedPiece> decode_seed_piece(Bytes bytes);
Result<SeedKeys> decode_seed_keys(Bytes bytes);
Result<SeedPunched> decode_seed_punched(Bytes bytes);

}  // namespace everpost::cluster
