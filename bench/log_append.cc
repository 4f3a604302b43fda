// How fast can a group of records be made durable, and what of it does the log cost? Each case is a
// loop of append + sync through the log, and one of bare pwritev + fdatasync of the same bytes into
// a file that is allocated in the same way. The log's cases report
//
//   ratio        their speed by that of the bare loop, both measured in turns; the aim is 0.8
//   cpu_us       CPU time of a record in user mode: the log's own work, without the system calls
//   MB/s         of record bodies
//
// The folder is $EVERPOST_BENCH_DIR, or a temporary one in the current folder: it should be on the
// disk that is asked about.
#include <array>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "base/random.h"
#include "storage/env/posix_env.h"
#include "storage/log/log.h"
#include "storage/log/segment_header.h"

namespace everpost::storage {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_log: %s\n", to_string(result.error()).c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

class Folder {
 public:
  Folder() {
    const char* given = std::getenv("EVERPOST_BENCH_DIR");
    path_ = std::filesystem::path(given ? given : ".") / ("bench-log-" + hex(random_u64()));
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

double user_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec);
}

// What a batch holds. A record is a TXN with some meta, and its body in chunks as they arrive.
struct Shape {
  std::size_t records;      // in a batch
  std::size_t body_bytes;   // of a message
  std::size_t chunk_bytes;  // of a record's body, at most
};

std::vector<NewRecord> make_batch(const Shape& shape) {
  std::vector<NewRecord> batch;
  for (std::size_t i = 0; i < shape.records; ++i) {
    for (std::size_t left = shape.body_bytes; left > 0;) {
      const std::size_t bytes = std::min(left, shape.chunk_bytes);
      NewRecord& record = batch.emplace_back();
      record.meta = std::string(300, static_cast<char>('a' + i % 26));
      record.body.push_back(share(std::string(bytes, static_cast<char>('A' + i % 26))));
      record.time = {1};
      record.seal();
      left -= bytes;
    }
  }
  return batch;
}

constexpr std::uint64_t kSegmentBytes = 64 << 20;
constexpr std::uint64_t kGroupBytes = 4 << 20;

// Batches above the log's bound on a group are appended in several, each with its own sync, as the
// log's writer does.
std::vector<std::vector<NewRecord>> split(std::vector<NewRecord> batch) {
  std::vector<std::vector<NewRecord>> groups(1);
  std::uint64_t bytes = 0;
  for (NewRecord& record : batch) {
    const std::uint64_t size =
        kRecordHeaderBytes + pad8(record.meta.size()) + pad8(record.body_bytes());
    if (bytes + size > kGroupBytes) {
      groups.emplace_back();
      bytes = 0;
    }
    bytes += size;
    groups.back().push_back(std::move(record));
  }
  return groups;
}

// The same bytes without a log around them.
class Bare {
 public:
  Bare(Env& env, std::string path) : env_(env), path_(std::move(path)) { next(); }

  // A new file if `bytes` more do not fit. Not to be measured: the log makes its next file ahead.
  void make_room(std::uint64_t bytes) {
    if (at_ + bytes > kSegmentBytes) next();
  }

  void write(const std::vector<NewRecord>& group) {
    static const std::array<std::byte, kRecordHeaderBytes> kHeader{};
    parts_.clear();
    std::uint64_t bytes = 0;
    for (const NewRecord& record : group) {
      parts_.push_back(kHeader);
      parts_.push_back(as_bytes(record.meta));
      for (const SharedBytes& part : record.body) parts_.push_back(as_bytes(*part));
    }
    for (const Bytes part : parts_) bytes += part.size();
    must(file_->write(at_, parts_));
    must(file_->sync());
    at_ += bytes;
  }

 private:
  void next() {
    file_ = must(env_.open(path_, Env::Open::kTruncate));
    must(file_->allocate(0, kSegmentBytes));
    must(file_->sync());
    at_ = 0;
  }

  Env& env_;
  const std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t at_ = 0;
  std::vector<Bytes> parts_;
};

void append_and_sync(benchmark::State& state) {
  const Shape shape{static_cast<std::size_t>(state.range(0)),
                    static_cast<std::size_t>(state.range(1)),
                    static_cast<std::size_t>(std::min<std::int64_t>(state.range(1), 256 << 10))};
  const auto groups = split(make_batch(shape));
  const Folder folder;
  PosixEnv env;
  LogOptions options;
  options.folder = folder.file("log");
  options.segment_bytes = kSegmentBytes;
  options.group_bytes_max = kGroupBytes;
  LogRecovery recovery;
  const auto log = must(Log::open(env, options, {}, recovery));
  Bare bare(env, folder.file("bare"));

  std::size_t records = 0;
  for (const auto& group : groups) records += group.size();
  double log_seconds = 0, bare_seconds = 0, log_user = 0;
  std::uint64_t done = 0;
  const auto measure = [](auto work) {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (auto _ : state) {
    const double user = user_seconds();
    const double seconds = measure([&] {
      for (const auto& group : groups) {
        must(log->append(Epoch{1}, log->durable(), group));
        must(log->sync());
      }
    });
    log_user += user_seconds() - user;
    log_seconds += seconds;
    for (const auto& group : groups) {
      bare.make_room(kGroupBytes);
      bare_seconds += measure([&] { bare.write(group); });
    }
    state.SetIterationTime(seconds);
    ++done;
    if (done % 64 == 0) {  // what is full is of no use here, and the disk is not endless
      state.PauseTiming();
      for (const std::string& name : must(env.list(options.folder)))
        if (name.ends_with(".seg") && name < hex(log->end().value - 2 * kSegmentBytes) &&
            log->end().value > 2 * kSegmentBytes)
          must(env.remove(options.folder + "/" + name));
      state.ResumeTiming();
    }
  }
  const double count = static_cast<double>(done);
  state.counters["ratio"] = bare_seconds / log_seconds;
  state.counters["bare_us"] = 1e6 * bare_seconds / count;
  state.counters["cpu_us"] = 1e6 * log_user / (count * static_cast<double>(records));
  state.counters["records/s"] = count * static_cast<double>(shape.records) / log_seconds;
  state.counters["MB/s"] =
      1e-6 * count * static_cast<double>(shape.records * shape.body_bytes) / log_seconds;
}

BENCHMARK(append_and_sync)
    ->ArgNames({"records", "bytes"})
    ->ArgsProduct({{1, 8, 64}, {1 << 10, 10 << 10, 1 << 20}})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace everpost::storage

BENCHMARK_MAIN();
