// An open file of a MemoryEnv.
#pragma once

#include <memory>
#include <string>

#include "storage/env/memory_disk.h"

namespace everpost::storage {

// Called under the disk's mutex.
std::unique_ptr<File> make_memory_file(std::shared_ptr<MemoryDisk> disk,
                                       std::shared_ptr<MemoryInode> inode, std::string path,
                                       bool writable);

}  // namespace everpost::storage
