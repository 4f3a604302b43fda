// Random access to messages that are on another node: blocks of whole extents are fetched and kept
// as long as they are read from; whoever reads on gets the next block fetched ahead.
#pragma once

#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/log/record.h"

namespace everpost::cluster {

// For one thread, which blocks while it waits.
class BlockReader {
 public:
  // A block holds at least one extent, and more while they are no more bytes than this: the first
  // of a message, and those of a reader that goes on. Two blocks are held at most.
  static constexpr std::uint64_t kFirstBytes = 256 << 10;
  static constexpr std::uint64_t kBlockBytes = 1 << 20;

  // Begins to read the bytes of some extents.
  using Fetch = std::function<std::future<Result<std::string>>(std::vector<storage::Extent>)>;
  explicit BlockReader(Fetch fetch) : fetch_(std::move(fetch)) {}

  // Copies [offset, offset + to.size()) of what `extents` hold one after the other.
  // Errors: those of fetching, kInvalidArgument (beyond the end).
  Result<void> read(const std::vector<storage::Extent>& extents, std::uint64_t offset,
                    std::span<std::byte> to);

 private:
  struct Block {
    std::vector<storage::Extent> extents;
    std::future<Result<std::string>> coming;  // valid until it is taken
    std::string bytes;

    // The position of `extent` in `bytes`.
    std::optional<std::uint64_t> find(const storage::Extent& extent) const;
    Result<void> take();
  };

  // The bytes of extents[i].
  Result<std::string_view> load(const std::vector<storage::Extent>& extents, std::size_t i);
  std::optional<Block> begin(const std::vector<storage::Extent>& extents, std::size_t from,
                             std::uint64_t bytes_max) const;

  const Fetch fetch_;
  std::optional<Block> current_, ahead_;
};

}  // namespace everpost::cluster
