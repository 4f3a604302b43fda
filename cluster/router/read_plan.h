// How a read of many or large ranges is cut into requests to another node. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/mail_store.h"

namespace everpost::cluster {

// What one request reads: pieces, of which each is a part of one of the wanted ranges.
struct ReadBatch {
  std::vector<ByteRange> pieces;
  std::vector<std::size_t> of;  // for each piece, the range it is the next part of
};

// Cuts between extents only, for an extent is read and checked as a whole: a batch has about
// `bytes_max` bytes, and more than that only if it is one extent.
std::vector<ReadBatch> plan_read(const std::vector<ByteRange>& ranges, std::uint64_t bytes_max);

std::uint64_t bytes_of(const std::vector<storage::Extent>& extents);
// What `range` asks for: its bytes, clipped to what its extents hold.
std::uint64_t bytes_of(const ByteRange& range);

}  // namespace everpost::cluster
