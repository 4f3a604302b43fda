// The log on segments. segment_log.cc opens, starts and cuts them; segment_log_append.cc writes
// records, segment_log_read.cc reads them, segment_log_check.cc looks for damage,
// segment_log_repair.cc mends it, segment_log_space.cc gives space back.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "storage/log/group_writer.h"
#include "storage/log/ready_segment.h"
#include "storage/log/recovery.h"
#include "storage/log/repair.h"
#include "storage/log/segment_set.h"

namespace everpost::storage {

class SegmentLog final : public Log {
 public:
  static Result<std::unique_ptr<SegmentLog>> open(Env& env, LogOptions options, const Start& start,
                                                  LogRecovery& recovery);

  Result<std::vector<RecordHeader>> append(Epoch epoch, Lsn commit,
                                           std::span<const NewRecord> group) override;
  Result<void> append_placed(std::span<const PlacedRecord> group) override;
  Result<Lsn> sync() override;
  Result<void> roll(Epoch epoch) override;
  Result<void> truncate(Lsn lsn) override;

  Result<Punched> punch(std::span<const Range> dead, const Pace& pace) override;
  Lsn sealed_end() const override;
  Result<std::uint64_t> drop_before(Lsn lsn) override;

  Lsn begin() const override { return segments_.begin(); }
  Lsn end() const override { return segments_.end(); }
  Lsn durable() const override { return Lsn{durable_.load(std::memory_order_acquire)}; }

  std::uint32_t group_bytes_max() const override { return options_.group_bytes_max; }
  Tail tail() const override { return {tail_.end, tail_.crc, tail_.time}; }
  std::vector<EpochBegin> epochs() const override;
  WallTime last_time() const override { return {last_time_.load(std::memory_order_acquire)}; }

  Result<std::string> read(const Extent& extent) const override;
  Result<void> read_part(const Extent& extent, std::uint32_t offset,
                         std::span<std::byte> to) const override;
  Result<Record> read_record(Lsn lsn) const override;
  Result<RecordHeader> read_header(Lsn lsn) const override;
  Result<void> scan(Lsn from, Lsn to,
                    const std::function<Result<bool>(const Record&)>& visit) const override;
  Result<void> mend(Lsn at, Bytes bytes) override;
  Result<std::vector<DamagedPart>> damage(Lsn end) const override;
  std::vector<Part> parts() const override;
  Result<std::size_t> read_file(Lsn base, std::uint64_t offset,
                                std::span<std::byte> to) const override;
  Result<std::vector<Range>> punched(Lsn base) const override;
  Lsn whole_from() const override;
  LogIdentity identity() const override { return options_.identity; }
  Result<std::vector<std::string>> verify() const override;
  Result<std::optional<Lsn>> scrub(Lsn at, const Pace& pace,
                                   const std::function<void(const Finding&)>& found) const override;
  Stats stats() const override;

 private:
  SegmentLog(Env& env, LogOptions options);

  // ---- the writer's thread
  struct Active {
    SegmentHeader header;
    std::shared_ptr<File> file;
    Lsn limit;  // what is allocated
  };
  Result<void> resume(Inspection inspection);
  Result<void> check_epoch(Epoch epoch) const;
  Result<void> check_limits(std::span<const NewRecord> group) const;
  Result<void> make_room(Epoch epoch, std::uint64_t bytes);
  Result<void> start_segment(Epoch epoch);
  Result<void> remove_segment(const SegmentHeader& header);
  Result<void> activate(const SegmentHeader& header, std::shared_ptr<File> file);
  Result<LogTail> tail_before(Lsn lsn, SegmentHeader& holder) const;
  std::vector<RecordHeader> give_places(Epoch epoch, Lsn commit, std::span<const NewRecord> group);
  Result<void> check_places(std::span<const PlacedRecord> group) const;
  void lay_out(std::span<const PlacedRecord> group);
  Result<void> write(std::span<const PlacedRecord> group);
  void set_durable(Lsn lsn) { durable_.store(lsn.value, std::memory_order_release); }
  Error poison(Error error);

  void set_tail(const LogTail& tail);

  // ---- of whoever gives space back, under space_mutex_
  Result<Punched> punch_segment(Lsn base, std::span<const Range> dead);
  Result<void> note_punches(const SegmentHeader& header, std::span<const Range> ranges,
                            PunchMap& map) const;

  // ---- any thread
  Result<void> usable() const;
  Result<SegmentSet::Segment> find(Lsn at, std::uint64_t bytes) const;
  Error bad(const SegmentSet::Segment& segment, Lsn at, const std::string& why) const;
  Error gone(Lsn at) const;
  //   more   valid records follow the bytes
  using Report = std::function<void(const Finding& finding, bool more)>;
  Result<bool> check(SegmentSet::Segment& segment, std::optional<std::uint32_t>& chain,
                     const Pace& pace, const Report& report) const;

  Env& env_;
  const LogOptions options_;
  const std::uint32_t seed_;
  mutable SegmentSet segments_;  // its cache of open files changes when reading
  ReadySegment ready_;           // before nothing that its work in the background uses

  LogTail tail_;
  std::optional<Active> active_;  // none in a log without segments
  GroupWriter writer_;
  std::vector<Bytes> parts_;      // of the group being written
  std::vector<std::byte> small_;  // headers, small pieces and padding among them

  std::mutex space_mutex_;  // the log is not cut while space is given back

  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::int64_t> last_time_{0};  // tail_.time, for others
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> appended_bytes_{0};
  std::atomic<std::uint64_t> syncs_{0};

  std::atomic<bool> broken_{false};
  mutable std::mutex broken_mutex_;
  std::string broken_by_;
};

}  // namespace everpost::storage
