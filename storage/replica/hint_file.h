// A small file with two numbers that are written often and never synced: `durable` (how far the
// log is on stable storage) and `applying` (which records are being applied). After a crash of the
// process the last ones are there; after a power loss any earlier ones, or none. 24 bytes, in one
// sector, with a checksum: docs/formats/meta.md.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "storage/env/env.h"

namespace everpost::storage {

class HintFile {
 public:
  struct Value {
    Lsn first, second;
    friend bool operator==(const Value&, const Value&) = default;
  };

  static constexpr std::size_t kBytes = 24;

  // Opens or creates the file. What cannot be read as a hint counts as {0, 0}.
  static Result<std::unique_ptr<HintFile>> open(Env& env, const std::string& path);

  const Value& found() const { return found_; }  // when it was opened
  Result<void> write(const Value& value);
  Result<void> sync() { return file_->sync(); }

 private:
  HintFile(std::unique_ptr<File> file, const Value& found)
      : file_(std::move(file)), found_(found) {}

  const std::unique_ptr<File> file_;
  const Value found_;
};

}  // namespace everpost::storage
