// The segments of an open log, for many readers and one writer: which segment holds an LSN, how far
// the log may be read, and a bounded number of open files.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/log/punch_map.h"

namespace everpost::storage {

class SegmentSet {
 public:
  SegmentSet(Env& env, std::string folder, std::size_t open_files_max);

  // ---- the writer's
  // Adds a segment behind the others, or in place of one with the same base.
  //   file   if it is open already
  void add(const SegmentHeader& header, std::shared_ptr<File> file = nullptr);
  void remove(Lsn base);
  // Publishes how far the log may be read.
  void set_end(Lsn end) { end_.store(end.value, std::memory_order_release); }
  // Before the log is cut: readers see the new end, and know afterwards that they were overtaken.
  void cut(Lsn end) {
    ++cuts_;
    set_end(end);
  }

  // ---- of whoever gives space back, one at a time
  // Before the bytes go: who reads afterwards what they were knows that they are gone.
  void set_punched(Lsn base, PunchMapPtr punched);

  // ---- everybody's
  Lsn begin() const;  // the end, if there are no segments
  Lsn end() const { return Lsn{end_.load(std::memory_order_acquire)}; }
  std::string path_of(const SegmentHeader& header) const {
    return folder_ + "/" + segment_name(header);
  }

  struct Segment {
    SegmentHeader header;
    Lsn end;  // of its records
    std::shared_ptr<File> file;
    std::uint64_t cuts = 0;
    PunchMapPtr punched;  // never null
  };
  // The segment that holds the byte at `lsn`, opened. Errors: kNotFound (before the begin, or at
  // or behind the end), kIo.
  Result<Segment> find(Lsn lsn);
  // All of them, in order, without their files.
  std::vector<Segment> list() const;
  // Whether the log was cut since `segment` was found: what was read from it may be gone.
  bool cut_since(const Segment& segment) const { return segment.cuts != cuts_; }
  // Whether any of these bytes was given back, or its segment removed.
  bool punched(Lsn at, std::uint64_t bytes) const;

 private:
  struct Entry {
    SegmentHeader header;
    std::shared_ptr<File> file;  // null: not open
    std::list<Lsn>::iterator recent;
    PunchMapPtr punched = std::make_shared<PunchMap>();
  };
  using Entries = std::map<Lsn, Entry>;
  void keep_open(Entry& entry, std::shared_ptr<File> file);
  Lsn end_of(Entries::const_iterator entry) const;

  Env& env_;
  const std::string folder_;
  const std::size_t open_files_max_;
  std::atomic<std::uint64_t> end_{0};
  std::atomic<std::uint64_t> cuts_{0};

  mutable std::mutex mutex_;
  Entries entries_;
  std::list<Lsn> recent_;  // bases of the open ones, the latest used first
};

}  // namespace everpost::storage
