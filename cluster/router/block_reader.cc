#include "cluster/router/block_reader.h"

#include <algorithm>
#include <cstring>

#include "cluster/router/read_plan.h"

namespace everpost::cluster {
namespace {

constexpr std::size_t kBlockExtents = 256;

}  // namespace

std::optional<std::uint64_t> BlockReader::Block::find(const storage::Extent& extent) const {
  std::uint64_t at = 0;
  for (const storage::Extent& one : extents) {
    if (one == extent) return at;
    at += one.bytes;
  }
  return std::nullopt;
}

Result<void> BlockReader::Block::take() {
  if (!coming.valid()) return {};
  ASSIGN_OR_RETURN(bytes, coming.get());
  const std::uint64_t want = bytes_of(extents);
  if (bytes.size() != want)
    return Error{ErrorCode::kCorrupt, "a node sent " + std::to_string(bytes.size()) +
                                          " bytes of a message instead of " + std::to_string(want)};
  return {};
}

Result<void> BlockReader::read(const std::vector<storage::Extent>& extents, std::uint64_t offset,
                               std::span<std::byte> to) {
  for (std::size_t i = 0; i < extents.size() && !to.empty(); ++i) {
    if (offset >= extents[i].bytes) {
      offset -= extents[i].bytes;
      continue;
    }
    ASSIGN_OR_RETURN(const std::string_view bytes, load(extents, i));
    const std::size_t count = std::min<std::size_t>(to.size(), bytes.size() - offset);
    std::memcpy(to.data(), bytes.data() + offset, count);
    to = to.subspan(count);
    offset = 0;
  }
  if (!to.empty())
    return Error{ErrorCode::kInvalidArgument, "a read beyond the end of the message"};
  return {};
}

Result<std::string_view> BlockReader::load(const std::vector<storage::Extent>& extents,
                                           std::size_t i) {
  const storage::Extent& wanted = extents[i];
  if (!current_ || !current_->find(wanted)) {
    // Reading on: what comes next in the message, behind what was read last.
    const bool on = current_ && i > 0 && current_->extents.back() == extents[i - 1];
    if (ahead_ && ahead_->find(wanted))
      current_ = std::exchange(ahead_, std::nullopt);
    else
      current_ = begin(extents, i, on ? kBlockBytes : kFirstBytes);
    ahead_.reset();
    if (auto taken = current_->take(); !taken) {
      current_.reset();
      return std::move(taken).error();
    }
    if (on) ahead_ = begin(extents, i + current_->extents.size(), kBlockBytes);
  }
  return std::string_view(current_->bytes).substr(*current_->find(wanted), wanted.bytes);
}

std::optional<BlockReader::Block> BlockReader::begin(const std::vector<storage::Extent>& extents,
                                                     std::size_t from,
                                                     std::uint64_t bytes_max) const {
  if (from >= extents.size()) return std::nullopt;
  std::size_t to = from;
  std::uint64_t bytes = 0;
  while (to < extents.size() && to - from < kBlockExtents &&
         (to == from || bytes + extents[to].bytes <= bytes_max))
    bytes += extents[to++].bytes;
  Block block;
  block.extents.assign(extents.begin() + static_cast<std::ptrdiff_t>(from),
                       extents.begin() + static_cast<std::ptrdiff_t>(to));
  block.coming = fetch_(block.extents);
  return block;
}

}  // namespace everpost::cluster
