// Writes the bytes of a group into a segment. Of a large one the whole blocks go past the page
// cache (File::write_direct): there its bytes would take fresh pages, which cost several times the
// copy into a buffer that is warm. The parts of a block at both ends are written through the page
// cache, where the groups before and after have the rest of them; so each block is written in one
// way only.
//
// Of the log's thread. Failures leave the file as File::write() does.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "storage/env/env.h"

namespace everpost::storage {

class GroupWriter {
 public:
  //   direct_bytes_min   a group of fewer bytes goes through the page cache as a whole
  explicit GroupWriter(std::uint64_t direct_bytes_min) : direct_bytes_min_(direct_bytes_min) {}

  // Writes all parts one after the other from `offset` on. Errors: kNoSpace, kIo.
  Result<void> write(File& file, std::uint64_t offset, std::span<const Bytes> parts);

 private:
  Result<void> write_blocks(File& file, std::uint64_t offset, Bytes blocks);

  const std::uint64_t direct_bytes_min_;
  bool refused_ = false;  // the file system has no direct writes
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte[], Free> buffer_;  // made for the first large group
};

}  // namespace everpost::storage
