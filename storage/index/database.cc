#include "storage/index/database.h"

#include "storage/index/leveldb_env.h"

namespace everpost::storage {
namespace {

constexpr std::size_t kWriteBufferBytes = 16 << 20;
constexpr std::size_t kTableBytes = 8 << 20;
constexpr int kOpenFilesMax = 128;
constexpr int kBloomBitsPerKey = 10;

}  // namespace

Result<std::shared_ptr<Database>> Database::open(Env& env, const std::string& folder,
                                                 std::uint64_t cache_bytes) {
  auto database = std::make_shared<Database>();
  database->env = make_leveldb_env(env);
  database->cache.reset(leveldb::NewLRUCache(cache_bytes));
  database->filter.reset(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey));

  leveldb::Options options;
  options.env = database->env.get();
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_file_size = kTableBytes;
  options.max_open_files = kOpenFilesMax;
  options.block_cache = database->cache.get();
  options.filter_policy = database->filter.get();
  options.compression = leveldb::kSnappyCompression;

  leveldb::DB* db = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, folder, &db);
  if (!status.ok()) return database_error("open " + folder, status);
  database->db.reset(db);
  return database;
}

Error database_error(std::string_view doing, const leveldb::Status& status) {
  return {status.IsCorruption() ? ErrorCode::kCorrupt : ErrorCode::kIo,
          "index: " + std::string(doing) + ": " + status.ToString()};
}

}  // namespace everpost::storage
