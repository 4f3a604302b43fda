// Makes a copy of a shard in a folder of its own, from another node's: the log up to a snapshot of
// the index, and that snapshot. Every segment is checked record by record and in the chain, the
// index by its digest. What is there already of an attempt before is kept if it passes, so another
// source goes on where the first was lost.
#pragma once

#include <functional>

#include "cluster/copies/copies.h"
#include "storage/log/punch_map.h"

namespace everpost::cluster {

class SeedCopy {
 public:
  struct Options {
    storage::Env* env = nullptr;
    std::string folder;  // shard-0003.seed, made if missing
    Uuid cluster{};
    ShardId shard;
    NodeId source;
    // Called with the bytes that came, as they come: slows down, counts, and tells (false) to stop.
    std::function<bool(std::uint64_t bytes)> came;
  };
  // `ask`: as Copies::begin_ask.
  using Ask = std::function<std::future<Result<std::string>>(const CopyRequest& request)>;
  SeedCopy(Options options, Ask ask) : options_(std::move(options)), ask_(std::move(ask)) {}

  // Errors: kCorrupt (the source's bytes are not what they should be), kClosed (told to stop), the
  // source's, kIo, kNoSpace.
  Result<SeedOffer> open();
  // Blocks until log and index are there, and durable.
  Result<void> run(const SeedOffer& offer);
  void close(const SeedOffer& offer);

 private:
  static constexpr std::size_t kAsksMax = 4;  // under way: pieces of 1 MiB

  Result<void> copy_segment(const SeedOffer& offer, const SeedOffer::Segment& segment);
  Result<void> fetch(const SeedOffer& offer, const SeedOffer::Segment& segment,
                     storage::File& file);
  // Asks for what was given back of the segment, and notes it beside it, durably.
  Result<storage::PunchMap> copy_holes(const SeedOffer& offer, const SeedOffer::Segment& segment,
                                       const storage::SegmentHeader& header);
  Result<storage::SegmentHeader> header_of(const SeedOffer& offer,
                                           const SeedOffer::Segment& segment, storage::File& file);
  // Sets chain_ to that at the segment's end.
  Result<void> check(const SeedOffer& offer, const SeedOffer::Segment& segment,
                     storage::File& file);
  Result<void> remove_others(const SeedOffer& offer);
  Result<void> copy_index(const SeedOffer& offer);

  const Options options_;
  const Ask ask_;
  std::optional<std::uint32_t> chain_;  // none: at the first segment
};

}  // namespace everpost::cluster
