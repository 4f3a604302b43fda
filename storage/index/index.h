// The index of one replica: LevelDB with typed keys (keys.h), written without sync, since the log
// is its write-ahead log. Each write carries the applied LSN; a checkpoint makes everything durable
// up to it; after a crash the log is replayed from there. docs/formats/index.md describes keys and
// values.
//
// One thread writes (IndexTxn); snapshots may be taken and read from any thread. All calls block.
// A LevelDB error of any kind is kIo or kCorrupt: the replica is broken, its process stops (H30).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "storage/env/env.h"

namespace everpost::storage {

// XOR of a 128-bit hash (XXH3) of every key and value, but for those under `L/` (local to a
// replica) and Z/applied and Z/digest themselves: independent of order, so replicas that hold the
// same state have the same digest, and a change costs only what it changes.
struct StateDigest {
  std::uint64_t low = 0, high = 0;
  friend bool operator==(const StateDigest&, const StateDigest&) = default;
};
std::string to_string(const StateDigest& digest);  // 32 hex digits

// A consistent, read-only view.
class IndexView {
 public:
  virtual ~IndexView() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // Visits the keys of [from, end of prefix) in order until `visit` returns false; an empty `from`
  // means the prefix itself. `visit` may change keys (of an IndexTxn) that are at or before the one
  // it got; whether changes further on are seen by this scan is not defined.
  virtual Result<void> scan(
      std::string_view prefix, std::string_view from,
      const std::function<Result<bool>(std::string_view key, std::string_view value)>& visit)
      const = 0;
};

// Changes that are applied together: reads see the index with the changes so far on top. Keys and
// values are copied.
class IndexTxn : public IndexView {
 public:
  virtual Result<void> put(std::string_view key, std::string_view value) = 0;
  virtual Result<void> remove(std::string_view key) = 0;  // of a missing key: nothing happens
  // The same for those who know what is there now, which spares the read that the digest needs: a
  // key that is new, and one whose value is `old`, byte for byte. Being wrong corrupts the digest.
  virtual void create(std::string_view key, std::string_view value) = 0;
  virtual void replace(std::string_view key, std::string_view old, std::string_view value) = 0;
  virtual void erase(std::string_view key, std::string_view old) = 0;

  // A command that fails leaves nothing behind: undo what came since the (last) mark.
  virtual void mark() = 0;
  virtual void undo_to_mark() = 0;

  // Memory the changes take: an applier that gathers records commits before it grows too large.
  virtual std::size_t pending_bytes() const = 0;

  // Writes everything, with `applied` (Z/applied) and the new digest (Z/digest), as one batch. The
  // last call. Without it nothing has happened.
  virtual Result<void> commit(Lsn applied) = 0;
};

class Index {
 public:
  // Opens or creates it. `env` is what LevelDB's files go through (leveldb_env.h).
  static Result<std::unique_ptr<Index>> open(Env& env, const std::string& folder,
                                             std::uint64_t cache_bytes);
  virtual ~Index() = default;

  virtual Lsn applied() const = 0;
  virtual StateDigest digest() const = 0;
  virtual std::unique_ptr<IndexTxn> begin() = 0;  // one at a time: the one before must be gone
  virtual std::unique_ptr<IndexView> snapshot()
      const = 0;  // at some applied LSN: read Z/applied in it
  // Everything up to applied() is on stable storage when this returns.
  virtual Result<void> checkpoint() = 0;
  // Reads every key with checksums and computes the digest anew. Errors: kCorrupt.
  virtual Result<StateDigest> recompute_digest() const = 0;
};

}  // namespace everpost::storage
