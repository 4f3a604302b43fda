// The format that LevelDB's `.log` and MANIFEST files share (doc/log_format.md of LevelDB): blocks
// of 32 KiB, in them fragments of a masked CRC32C, a length, a type and as many bytes; a record is
// one FULL fragment, or FIRST, MIDDLE ..., LAST. Used to find out how far such a file is good.
#pragma once

#include <cstdint>

#include "storage/env/env.h"

namespace everpost::storage {

struct LevelDbLogCheck {
  std::uint64_t file_bytes = 0;
  std::uint64_t good_bytes = 0;  // up to the first damaged fragment, or all
  bool whole = false;            // nothing is damaged, and no record is unfinished at the end
};

// Reads the file once, 32 KiB at a time. Errors: kIo.
Result<LevelDbLogCheck> check_leveldb_log(File& file);

}  // namespace everpost::storage
