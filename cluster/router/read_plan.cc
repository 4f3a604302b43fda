#include "cluster/router/read_plan.h"

#include <algorithm>

#include "cluster/router/mail_wire.h"

namespace everpost::cluster {
namespace {

class Planner {
 public:
  explicit Planner(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  void add(std::size_t of, const ByteRange& range) {
    std::uint64_t offset = range.offset, left = bytes_of(range);
    for (const storage::Extent& extent : range.extents) {
      if (left == 0) return;
      if (offset >= extent.bytes) {
        offset -= extent.bytes;
        continue;
      }
      const std::uint64_t bytes = std::min<std::uint64_t>(left, extent.bytes - offset);
      add(of, extent, offset, bytes);
      left -= bytes;
      offset = 0;
    }
  }

  std::vector<ReadBatch> take() { return std::move(batches_); }

 private:
  void add(std::size_t of, const storage::Extent& extent, std::uint64_t offset,
           std::uint64_t bytes) {
    if (batches_.empty() || bytes_ + bytes > bytes_max_ || extents_ == WireLimits::extents ||
        batches_.back().pieces.size() == WireLimits::ranges) {
      batches_.emplace_back();
      bytes_ = extents_ = 0;
    }
    ReadBatch& batch = batches_.back();
    bytes_ += bytes;
    ++extents_;
    if (!batch.of.empty() && batch.of.back() == of) {  // goes on
      batch.pieces.back().extents.push_back(extent);
      batch.pieces.back().bytes += bytes;
      return;
    }
    batch.pieces.push_back({{extent}, offset, bytes});
    batch.of.push_back(of);
  }

  const std::uint64_t bytes_max_;
  std::vector<ReadBatch> batches_;
  std::uint64_t bytes_ = 0, extents_ = 0;  // of the last one
};

}  // namespace

std::uint64_t bytes_of(const std::vector<storage::Extent>& extents) {
  std::uint64_t bytes = 0;
  for (const storage::Extent& extent : extents) bytes += extent.bytes;
  return bytes;
}

std::uint64_t bytes_of(const ByteRange& range) {
  const std::uint64_t size = bytes_of(range.extents);
  return std::min(range.bytes, size - std::min(range.offset, size));
}

std::vector<ReadBatch> plan_read(const std::vector<ByteRange>& ranges, std::uint64_t bytes_max) {
  Planner planner(bytes_max);
  for (std::size_t i = 0; i < ranges.size(); ++i) planner.add(i, ranges[i]);
  return planner.take();
}

}  // namespace everpost::cluster
