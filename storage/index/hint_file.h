// A small file with two numbers, rewritten in place: `durable` and `applying` of a replica's
// folder, `SYNCED` of its index. 24 bytes, in one sector, so that a power loss leaves the old ones
// or the new ones; not synced unless asked to. docs/formats/meta.md has the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/env/env.h"

namespace everpost::storage {

class HintFile {
 public:
  struct Value {
    std::uint64_t first = 0, second = 0;
    friend bool operator==(const Value&, const Value&) = default;
  };

  static constexpr std::size_t kBytes = 24;

  // Opens or creates the file.
  static Result<std::unique_ptr<HintFile>> open(Env& env, const std::string& path);

  // What was there when it was opened: zeroes in a file that is new, or damaged.
  const Value& found() const { return found_; }
  bool damaged() const { return damaged_; }
  Result<void> write(const Value& value);
  Result<void> sync() { return file_->sync(); }

 private:
  explicit HintFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  const std::unique_ptr<File> file_;
  Value found_;
  bool damaged_ = false;
};

}  // namespace everpost::storage
