// What do our files below LevelDB cost, against LevelDB's own? The same batches and the same reads
// on both; the default Env maps tables into memory, ours reads them into the block cache.
//   own:0  leveldb::Env::Default()      own:1  make_leveldb_env(PosixEnv)
#include "storage/index/leveldb_env.h"

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#include <memory>

#include "base/bytes.h"
#include "storage/env/posix_env.h"

namespace everpost::storage {
namespace {

constexpr std::uint64_t kKeys = 400'000;  // 120 MB: several times the block cache
constexpr int kBatch = 8;

class BenchDatabase {
 public:
  explicit BenchDatabase(bool own)
      : own_(make_leveldb_env(disk_)),
        cache_(leveldb::NewLRUCache(32 << 20)),
        filter_(leveldb::NewBloomFilterPolicy(10)) {
    std::string name = (std::filesystem::temp_directory_path() / "everpost-bench-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    leveldb::Options options;
    if (own) options.env = own_.get();
    options.create_if_missing = true;
    options.paranoid_checks = true;
    options.write_buffer_size = 16 << 20;
    options.max_file_size = 8 << 20;
    options.block_cache = cache_.get();
    options.filter_policy = filter_.get();
    leveldb::DB* db = nullptr;
    if (const auto status = leveldb::DB::Open(options, folder_ + "/db", &db); !status.ok()) {
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      std::exit(1);
    }
    db_.reset(db);
  }
  ~BenchDatabase() {
    db_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::string key(std::uint64_t n) {
    std::string key = "U/";
    append_be(key, (n % kKeys) * 0x9E3779B97F4A7C15);
    return key;
  }
  void write(std::uint64_t first) {
    leveldb::WriteBatch batch;
    for (int i = 0; i < kBatch; ++i) batch.Put(key(first + i), value(first + i));
    if (!db_->Write({}, &batch).ok()) std::exit(1);
  }
  std::size_t read(std::uint64_t n) {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    std::string found;
    if (!db_->Get(options, key(n), &found).ok()) std::exit(1);
    return found.size();
  }
  std::size_t read_all() {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    std::size_t bytes = 0;
    const std::unique_ptr<leveldb::Iterator> at(db_->NewIterator(options));
    for (at->SeekToFirst(); at->Valid(); at->Next()) bytes += at->value().size();
    return bytes;
  }
  void fill() {
    for (std::uint64_t n = 0; n < kKeys; n += kBatch) write(n);
    db_->CompactRange(nullptr, nullptr);
  }

 private:
  static std::string value(std::uint64_t n) {
    std::string value(200, 'v');  // compresses by two thirds, about as an index does
    for (int i = 0; i < 12; ++i) append_le(value, (n + 1) * 0xD1342543DE82EF95 * (i + 1));
    return value;
  }

  PosixEnv disk_;
  std::unique_ptr<leveldb::Env> own_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
  std::string folder_;
};

void batches(benchmark::State& state) {
  BenchDatabase database(state.range(0) != 0);
  std::uint64_t n = 0;
  for (auto _ : state) database.write(n += kBatch);
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(batches)
    ->ArgName("own")
    ->Arg(0)
    ->Arg(1)
    ->Iterations(100'000)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

void gets(benchmark::State& state) {
  BenchDatabase database(state.range(0) != 0);
  database.fill();
  std::uint64_t n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(database.read(n += 7919));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(gets)->ArgName("own")->Arg(0)->Arg(1)->Iterations(400'000)->UseRealTime();

void scan(benchmark::State& state) {
  BenchDatabase database(state.range(0) != 0);
  database.fill();
  std::size_t bytes = 0;
  for (auto _ : state) bytes += database.read_all();
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(scan)->ArgName("own")->Arg(0)->Arg(1)->Iterations(10)->UseRealTime();

}  // namespace
}  // namespace everpost::storage

BENCHMARK_MAIN();
