// A small log in memory, and what the tests of the log have in common.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/env/memory_env.h"
#include "storage/log/log.h"
#include "storage/log/segment_header.h"

// The value of a Result that has to be one.
#define ASSERT_OK(...)                                                      \
  do {                                                                      \
    const auto& r_ = (__VA_ARGS__);                                         \
    ASSERT_TRUE(r_.has_value()) << #__VA_ARGS__ << ": " << why(r_.error()); \
  } while (false)
#define EXPECT_OK(...)                                                      \
  do {                                                                      \
    const auto& r_ = (__VA_ARGS__);                                         \
    EXPECT_TRUE(r_.has_value()) << #__VA_ARGS__ << ": " << why(r_.error()); \
  } while (false)
#define EXPECT_ERROR(error_code, ...)                                     \
  do {                                                                    \
    const auto& r_ = (__VA_ARGS__);                                       \
    ASSERT_FALSE(r_.has_value()) << #__VA_ARGS__ << " succeeded";         \
    EXPECT_EQ(r_.error().code, ErrorCode::error_code) << why(r_.error()); \
  } while (false)

namespace everpost::storage {

inline std::string why(const Error& error) { return to_string(error); }

inline const std::string kFolder = "log";

inline LogOptions small_log() {
  LogOptions options;
  options.folder = kFolder;
  options.identity.cluster.fill(std::byte{0xC1});
  options.identity.disk.fill(std::byte{0xD1});
  options.identity.shard = ShardId{7};
  options.identity.lineage = Lineage{1};
  options.segment_bytes = 32 << 10;
  options.group_bytes_max = 8 << 10;
  return options;
}

inline NewRecord record(std::string meta, std::string body = {}, WallTime time = {1000}) {
  NewRecord record;
  record.meta = std::move(meta);
  if (!body.empty()) record.body.push_back(share(std::move(body)));
  record.time = time;
  record.seal();
  return record;
}

// Text of a given length that tells where it comes from.
inline std::string text(std::uint64_t number, std::size_t bytes) {
  static const std::string kPattern = [] {
    std::string pattern;
    for (std::size_t i = 0; i < (1 << 20) + 1000; ++i)
      pattern.push_back(static_cast<char>('a' + i * i % 25));
    return pattern;
  }();
  std::string text = "<" + std::to_string(number) + ">";
  if (text.size() < bytes) text.append(kPattern, number % 1000, bytes - text.size());
  text.resize(bytes);
  return text;
}

struct OpenLog {
  std::unique_ptr<Log> log;
  LogRecovery recovery;
  Log* operator->() const { return log.get(); }
};
inline Result<OpenLog> open_log(Env& env, const Log::Start& start = {},
                                const LogOptions& options = small_log()) {
  OpenLog opened;
  ASSIGN_OR_RETURN(opened.log, Log::open(env, options, start, opened.recovery));
  return opened;
}

// Appends one record and syncs it.
inline Result<RecordHeader> commit(Log& log, Epoch epoch, const NewRecord& record) {
  ASSIGN_OR_RETURN(const auto headers, log.append(epoch, log.durable(), {&record, 1}));
  RETURN_IF_ERROR(log.sync());
  return headers.front();
}

struct Seen {
  Lsn lsn;
  std::string meta;
  std::string body;
  friend bool operator==(const Seen&, const Seen&) = default;
};
inline Result<std::vector<Seen>> scan_all(const Log& log, Lsn from = {}) {
  std::vector<Seen> seen;
  RETURN_IF_ERROR(log.scan(std::max(from, log.begin()), Lsn{UINT64_MAX},
                           [&](const Record& record) -> Result<bool> {
                             seen.push_back({record.header.lsn, std::string(as_text(record.meta)),
                                             std::string(as_text(record.body))});
                             return true;
                           }));
  return seen;
}

inline std::vector<std::string> metas(const Log& log) {
  std::vector<std::string> metas;
  const auto seen = scan_all(log);
  EXPECT_OK(seen);
  if (seen)
    for (const Seen& one : *seen) metas.push_back(one.meta);
  return metas;
}

// Name and contents of every file in the log's folder but the one made ahead.
inline std::map<std::string, std::string> files(Env& env) {
  std::map<std::string, std::string> files;
  for (const std::string& name : env.list(kFolder).value_or(std::vector<std::string>{}))
    if (name != "ready.tmp") files[name] = *read_file(env, kFolder + "/" + name, 1 << 30);
  return files;
}

inline std::vector<std::string> segment_paths(Env& env) {
  std::vector<std::string> paths;
  for (const std::string& name : env.list(kFolder).value_or(std::vector<std::string>{}))
    if (name.ends_with(".seg")) paths.push_back(kFolder + "/" + name);
  return paths;
}

inline void overwrite(Env& env, const std::string& path, std::uint64_t offset, Bytes bytes) {
  const auto file = env.open(path, Env::Open::kWrite);
  ASSERT_OK(file);
  ASSERT_OK((*file)->write(offset, bytes));
  ASSERT_OK((*file)->sync());
}

}  // namespace everpost::storage
