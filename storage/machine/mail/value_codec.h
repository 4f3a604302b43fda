// How values of the index are written: fixed-width little-endian integers; lengths and counts as
// LEB128; texts as a length and their bytes. Each value begins with the number of its format.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace everpost::storage::mail {

class ValueWriter {
 public:
  explicit ValueWriter(std::uint8_t format) { fixed(format); }

  template <std::unsigned_integral T>
  void fixed(T number) {
    append_le(bytes_, number);
  }
  void time(WallTime time) { fixed(static_cast<std::uint64_t>(time.micros)); }
  void varint(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) bytes_ += static_cast<char>(number | 0x80);
    bytes_ += static_cast<char>(number);
  }
  void text(std::string_view text) {
    varint(text.size());
    bytes_ += text;
  }
  void raw(Bytes bytes) { bytes_ += as_text(bytes); }

  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what ValueWriter wrote. Beyond the end everything is 0 or empty; done() then fails.
class ValueReader {
 public:
  // `what` names the value in errors; `format` is the highest one known.
  ValueReader(std::string_view what, std::string_view bytes, std::uint8_t format)
      : what_(what), left_(bytes) {
    const auto found = fixed<std::uint8_t>();
    newer_ = found > format;
    if (found == 0) bad_ = true;
  }

  template <std::unsigned_integral T>
  T fixed() {
    const std::string_view bytes = raw(sizeof(T));
    return bytes.empty() ? T{} : load_le<T>(as_bytes(bytes).data());
  }
  WallTime time() { return {static_cast<std::int64_t>(fixed<std::uint64_t>())}; }
  std::uint64_t varint() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = fixed<std::uint8_t>();
      number |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return number;
    }
    bad_ = true;
    return 0;
  }
  // A count of things of which each takes `bytes_each` or more: never more than can follow.
  std::size_t count(std::size_t bytes_each) {
    const std::uint64_t number = varint();
    if (number > left_.size() / bytes_each) {
      bad_ = true;
      return 0;
    }
    return number;
  }
  std::string_view text() { return raw(count(1)); }
  std::string_view raw(std::size_t bytes) {
    if (bytes > left_.size()) {
      bad_ = true;
      left_ = {};
      return {};
    }
    const std::string_view read = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return read;
  }

  // What was read makes no sense.
  void fail() { bad_ = true; }
  // Whether all of it made sense. Errors: kUnsupported (a newer format), kCorrupt.
  Result<void> done() const {
    if (newer_)
      return Error{ErrorCode::kUnsupported, "index: a newer format of " + std::string(what_)};
    if (bad_ || !left_.empty())
      return Error{ErrorCode::kCorrupt, "index: a damaged " + std::string(what_)};
    return {};
  }

 private:
  std::string_view what_;
  std::string_view left_;
  bool newer_ = false;
  bool bad_ = false;
};

}  // namespace everpost::storage::mail
