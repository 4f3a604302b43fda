#include "storage/env/memory_file.h"

#include <algorithm>

#include "base/invariant.h"

namespace everpost::storage {
namespace {

using Kind = MemoryEnv::Operation::Kind;

class MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<MemoryDisk> disk, std::shared_ptr<MemoryInode> inode, std::string path,
             bool writable)
      : disk_(std::move(disk)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        boot_(disk_->boot),
        writable_(writable) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    return disk_->operate(Kind::kRead, path_, [&]() -> Result<std::size_t> {
      RETURN_IF_ERROR(usable("read", false));
      if (inode_->read_fails(offset, to.size()))
        return disk_error(ErrorCode::kIo, "read", path_, "the medium has an error");
      return inode_->read(offset, to);
    });
  }

  Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
    return disk_->operate(Kind::kWrite, path_, [&] { return write_parts(offset, parts); });
  }

  Result<void> write_direct(std::uint64_t offset, Bytes bytes) override {
    INVARIANT(is_direct(offset, bytes), "direct writes are of whole blocks");
    return disk_->operate(Kind::kWriteDirect, path_, [&]() -> Result<void> {
      if (disk_->refuses_direct)
        return disk_error(ErrorCode::kUnsupported, "write directly to", path_, "not on this disk");
      INVARIANT(!inode_->unsynced(offset, bytes.size()),
                "direct writes keep apart from what the page cache has to write");
      return write_parts(offset, std::span<const Bytes>(&bytes, 1));
    });
  }

  Result<void> rewrite(Bytes bytes) override {
    INVARIANT(bytes.size() <= kRewriteBytesMax, "what is rewritten is small");
    return disk_->operate(Kind::kWrite, path_,
                          [&] { return write_parts(0, std::span<const Bytes>(&bytes, 1)); });
  }

  Result<void> sync() override {
    return disk_->operate(Kind::kSync, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("sync", true));
      const auto fault = std::exchange(disk_->sync_fault, std::nullopt);
      if (!fault) {
        inode_->sync();
        return {};
      }
      if (*fault == MemoryEnv::SyncFault::kKeeps)
        inode_->sync_fails_and_keeps();
      else
        inode_->sync_fails_and_reverts();
      return disk_error(ErrorCode::kIo, "sync", path_, "the medium has an error");
    });
  }

  Result<std::uint64_t> size() override {
    return disk_->operate(Kind::kQuery, path_, [&]() -> Result<std::uint64_t> {
      RETURN_IF_ERROR(usable("size of", false));
      return inode_->size();
    });
  }

  Result<void> truncate(std::uint64_t bytes) override {
    return disk_->operate(Kind::kTruncate, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("truncate", true));
      inode_->truncate(bytes);
      return {};
    });
  }

  Result<void> allocate(std::uint64_t offset, std::uint64_t bytes) override {
    return disk_->operate(Kind::kAllocate, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("allocate", true));
      if (!inode_->allocate(offset, bytes))
        return disk_error(ErrorCode::kNoSpace, "allocate", path_, "no space left");
      return {};
    });
  }

  Result<void> punch(std::uint64_t offset, std::uint64_t bytes) override {
    return disk_->operate(Kind::kPunch, path_, [&]() -> Result<void> {
      RETURN_IF_ERROR(usable("punch", true));
      inode_->punch(offset, bytes);
      return {};
    });
  }

 private:
  Result<void> write_parts(std::uint64_t offset, std::span<const Bytes> parts) {
    RETURN_IF_ERROR(usable("write", true));
    std::uint64_t left = 0;
    for (const Bytes part : parts) left += part.size();
    const bool fails = std::exchange(disk_->write_fault, false);
    if (fails) left = left == 0 ? 0 : disk_->random() % left;
    for (const Bytes part : parts) {
      const std::size_t bytes = std::min<std::uint64_t>(part.size(), left);
      if (inode_->write(offset, part.first(bytes)) < bytes)
        return disk_error(ErrorCode::kNoSpace, "write", path_, "no space left");
      offset += bytes;
      left -= bytes;
    }
    if (fails) return disk_error(ErrorCode::kIo, "write", path_, "the medium has an error");
    return {};
  }

  Result<void> usable(std::string_view what, bool to_write) const {
    if (boot_ != disk_->boot)
      return disk_error(ErrorCode::kIo, what, path_, "the handle is from before a crash");
    if (to_write && !writable_)
      return disk_error(ErrorCode::kIo, what, path_, "opened for reading");
    return {};
  }

  const std::shared_ptr<MemoryDisk> disk_;
  const std::shared_ptr<MemoryInode> inode_;
  const std::string path_;
  const std::uint64_t boot_;
  const bool writable_;
};

}  // namespace

std::unique_ptr<File> make_memory_file(std::shared_ptr<MemoryDisk> disk,
                                       std::shared_ptr<MemoryInode> inode, std::string path,
                                       bool writable) {
  return std::make_unique<MemoryFile>(std::move(disk), std::move(inode), std::move(path), writable);
}

}  // namespace everpost::storage
