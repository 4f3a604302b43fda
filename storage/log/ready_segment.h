// The segment that comes next, made ahead of time: starting a new one then costs the log's writer
// no allocation, and a full disk is noticed between records, never within one (hazard H25).
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "storage/env/env.h"

namespace everpost::storage {

class ReadySegment {
 public:
  //   bytes   size of the file, allocated in full
  ReadySegment(Env& env, std::string folder, std::uint64_t bytes);
  ~ReadySegment() { wait(); }
  ReadySegment(const ReadySegment&) = delete;
  ReadySegment& operator=(const ReadySegment&) = delete;

  static constexpr std::string_view kName = "ready.tmp";
  const std::string& path() const { return path_; }

  // Starts, in the background, `first` and then the making of a file. A failure to make it is not
  // reported: take() tries again.
  void prepare(std::move_only_function<void()> first = [] {});
  // Returns when nothing runs in the background.
  void wait();
  // The file at path(): empty, allocated, on the disk; made now if it is not ready. The caller
  // renames it. Errors: kNoSpace, kIo, kUnsupported; nothing is left behind then.
  Result<std::shared_ptr<File>> take();

 private:
  Result<std::shared_ptr<File>> make();

  Env& env_;
  const std::string folder_;
  const std::string path_;
  const std::uint64_t bytes_;
  std::shared_ptr<File> file_;  // written in the background; read after wait()
  std::future<void> running_;
};

}  // namespace everpost::storage
