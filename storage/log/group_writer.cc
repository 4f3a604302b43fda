#include "storage/log/group_writer.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/log.h"

namespace everpost::storage {
namespace {

constexpr std::uint64_t kBlock = File::kDirectBytes;
constexpr std::align_val_t kAlign{kBlock};

// Bounds the memory of a shard; one write of so much is nearly as fast as one of a whole group.
constexpr std::size_t kBufferBytes = 1 << 20;

// The bytes of the parts, taken off their front.
class Front {
 public:
  explicit Front(std::span<const Bytes> parts) : parts_(parts) {}
  // Fills `to`; the parts have to hold as much.
  void take(std::span<std::byte> to) {
    while (!to.empty()) {
      const Bytes rest = parts_.front().subspan(taken_);
      const std::size_t bytes = std::min(rest.size(), to.size());
      if (bytes > 0) std::memcpy(to.data(), rest.data(), bytes);
      to = to.subspan(bytes);
      taken_ += bytes;
      if (taken_ < parts_.front().size()) continue;
      parts_ = parts_.subspan(1);
      taken_ = 0;
    }
  }

 private:
  std::span<const Bytes> parts_;
  std::size_t taken_ = 0;  // of the first part
};

}  // namespace

void GroupWriter::Free::operator()(std::byte* bytes) const { ::operator delete[](bytes, kAlign); }

Result<void> GroupWriter::write(File& file, std::uint64_t offset, std::span<const Bytes> parts) {
  std::uint64_t bytes = 0;
  for (const Bytes part : parts) bytes += part.size();
  const std::uint64_t end = offset + bytes;
  const std::uint64_t first_block = (offset + kBlock - 1) / kBlock * kBlock;
  const std::uint64_t last_block = end / kBlock * kBlock;  // its begin, if only a part is written
  if (refused_ || bytes < direct_bytes_min_ || first_block >= last_block)
    return file.write(offset, parts);

  if (!buffer_) buffer_.reset(static_cast<std::byte*>(::operator new[](kBufferBytes, kAlign)));
  Front front(parts);
  const auto next = [&](std::uint64_t count) {
    const std::span<std::byte> to(buffer_.get(), count);
    front.take(to);
    return Bytes(to);
  };
  if (offset < first_block) RETURN_IF_ERROR(file.write(offset, next(first_block - offset)));
  for (std::uint64_t at = first_block; at < last_block;) {
    const std::uint64_t count = std::min<std::uint64_t>(kBufferBytes, last_block - at);
    RETURN_IF_ERROR(write_blocks(file, at, next(count)));
    at += count;
  }
  if (last_block < end) RETURN_IF_ERROR(file.write(last_block, next(end - last_block)));
  return {};
}

Result<void> GroupWriter::write_blocks(File& file, std::uint64_t offset, Bytes blocks) {
  if (refused_) return file.write(offset, blocks);
  auto written = file.write_direct(offset, blocks);
  if (written) return written;
  const ErrorCode code = written.error().code;
  if (code != ErrorCode::kUnsupported && code != ErrorCode::kBusy) return written;
  if (code == ErrorCode::kUnsupported) {
    refused_ = true;
    log::info("the log's disk has no direct writes: large messages go through the page cache",
              {{"error", to_string(written.error())}});
  }
  return file.write(offset, blocks);
}

}  // namespace everpost::storage
