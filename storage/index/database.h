// The LevelDB behind an index, opened as storage needs it, with its errors made ours.
#pragma once

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/env.h>
#include <leveldb/filter_policy.h>
#include <memory>
#include <string>
#include <string_view>

#include "storage/env/env.h"

namespace everpost::storage {

// Members in the order they are needed in: the database goes first, its environment last.
struct Database {
  std::unique_ptr<leveldb::Env> env;
  std::unique_ptr<leveldb::Cache> cache;
  std::unique_ptr<const leveldb::FilterPolicy> filter;
  std::unique_ptr<leveldb::DB> db;

  static Result<std::shared_ptr<Database>> open(Env& env, const std::string& folder,
                                                std::uint64_t cache_bytes);
};

// kCorrupt or kIo: the replica is broken either way (H30).
Error database_error(std::string_view doing, const leveldb::Status& status);

inline leveldb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

// Whatever is read is checked.
inline leveldb::ReadOptions checked(const leveldb::Snapshot* snapshot = nullptr) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.snapshot = snapshot;
  return options;
}

}  // namespace everpost::storage
