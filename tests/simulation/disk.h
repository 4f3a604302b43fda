// One copy's disk, record by record: what is in the page cache, what is on the platter, and what
// goes wrong in between. (Bytes, sectors and torn writes are the matter of tests/unit/storage_log.)
#pragma once

#include <optional>
#include <vector>

#include "cluster/replication/event.h"
#include "tests/simulation/rng.h"

namespace everpost::simulation {

using namespace cluster;
using namespace cluster::replication;

class Disk {
 public:
  Disk(Uuid id, Rng& rng) : id_(id), rng_(&rng) {}

  const Uuid& id() const { return id_; }
  const std::vector<LogRecordPtr>& records() const { return records_; }
  LogEnd end() const;
  LogEnd durable_end() const;
  const Meta& meta() const { return meta_; }

  // ---- what a process does. Each begin_ is followed by its finish_, unless the process dies.
  void begin_persist(const std::vector<LogRecordPtr>& records);
  void finish_persist();
  // The sync fails; the page cache keeps what was written, and calls it clean.
  void fail_persist();
  bool truncate(const LogEnd& at);  // false: another chain there
  void begin_save(const Meta& meta) { saving_ = meta; }
  void finish_save();
  std::vector<LogRecordPtr> read(Lsn from, Lsn to, std::uint64_t bytes) const;
  bool mend(const std::vector<LogRecordPtr>& records);

  // ---- what happens to it
  void crash_process();
  //   lie   so many synced records at the end are gone, too (a cache that lied)
  void lose_power(std::size_t lie);
  // A record in the middle can no longer be read back. Noticed at the next recovery.
  void damage(std::size_t record);
  bool is_damaged() const { return damaged_.has_value(); }

  struct Recovered {
    Meta meta;
    LogContents log;
  };
  // What a process finds when it starts.
  Recovered recover();
  LogContents contents() const;
  // Index in records() of the record at `lsn`; records().size() at the end; nothing otherwise.
  std::optional<std::size_t> find(Lsn lsn) const;

 private:
  Uuid id_;
  Rng* rng_;
  std::vector<LogRecordPtr> records_;   // the page cache
  std::size_t durable_ = 0;             // the first so many are on the platter
  std::optional<std::size_t> writing_;  // where the Persist that is running began
  std::optional<std::size_t> phantom_;  // from here on the cache is clean, the platter without
  std::optional<std::size_t> damaged_;
  Meta meta_, meta_before_;
  std::optional<Meta> saving_;
  bool power_lost_ = false;
};

}  // namespace everpost::simulation
