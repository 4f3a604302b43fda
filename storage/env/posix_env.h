// The operating system's files. Made for ext4 and XFS on Linux: it needs fallocate and hole
// punching, and says so (kUnsupported) where the file system has neither.
//
// Files and folders are made for their owner alone (0600, 0700): they hold people's mail. Every
// descriptor is closed on exec. An error's context names the call, the path, the byte range and the
// errno.
#pragma once

#include "storage/env/env.h"

namespace everpost::storage {

class PosixEnv final : public Env {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<void> make_folder(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_folder(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_folder(const std::string& folder) override;
  Result<Space> space(const std::string& folder) override;
  // An open-file-description lock (fcntl F_OFD_SETLK), so that two handles within one process
  // exclude each other as well. The file stays when the lock is released.
  Result<std::shared_ptr<void>> lock(const std::string& path) override;
  std::future<void> in_background(std::move_only_function<void()> work) override;
};

}  // namespace everpost::storage
