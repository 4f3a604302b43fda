// What a session believes its mailbox holds: which message sequence number is which UID
// (RFC 3501 §2.3.1.2). It changes only when the client is told, so it may lag behind the mailbox.
//
// UIDs are kept as runs of consecutive ones: twelve bytes for a mailbox from which nothing was
// expunged, however large.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "node/imap/syntax/sequence_set.h"
#include "storage/machine/uid_set.h"

namespace everpost::node::imap {

class View {
 public:
  View() = default;
  explicit View(const std::vector<Uid>& ascending);

  std::uint32_t size() const;           // EXISTS
  Uid last() const;                     // the largest UID, 0 if empty
  Uid uid_at(std::uint32_t seq) const;  // 1 <= seq <= size()
  std::optional<std::uint32_t> seq_of(Uid uid) const;
  std::uint32_t count_from(Uid uid) const;  // messages with this UID or a larger one

  void append(Uid uid);  // larger than last()
  // Takes out those of `uids` that are here. Returns their sequence numbers as they were, in
  // descending order: sent as EXPUNGE responses in that order, each is right when it is read.
  std::vector<std::uint32_t> remove(const storage::UidSet& uids);

  storage::UidSet all() const;
  storage::UidSet intersect(const storage::UidSet& uids) const;
  // The UIDs of message sequence numbers; numbers above size() name none. `*` in an empty mailbox
  // does not, either.
  storage::UidSet uids_of(const SequenceSet& seqs) const;
  // Is there a number above size(), which is the client's error in most commands?
  bool names_unknown(const SequenceSet& seqs) const;
  // Of UIDs as a client wrote them: those that are here (RFC 3501 §6.4.8: others are no error).
  storage::UidSet uids_named(const SequenceSet& uids) const;
  // In the other direction, for MODIFIED (RFC 7162 §3.1.3) and the like.
  storage::UidSet seqs_of(const storage::UidSet& uids) const;

 private:
  struct Run {
    std::uint32_t first;   // UID
    std::uint32_t count;   // consecutive UIDs, 1 or more
    std::uint32_t before;  // messages in earlier runs
  };
  std::vector<Run>::const_iterator run_from(std::uint32_t uid) const;  // ends at or after `uid`

  std::vector<Run> runs_;
};

// Those of `uids` that are not in `without`.
storage::UidSet difference(const storage::UidSet& uids, const storage::UidSet& without);

storage::UidSet common(const storage::UidSet& a, const storage::UidSet& b);

// Hands a set out in batches, for a long operation. Takes time in proportion to the set, however
// many batches.
class Batches {
 public:
  explicit Batches(storage::UidSet uids);

  bool done() const { return range_ == uids_.ranges().size(); }
  storage::UidSet next(std::uint64_t most);  // the next ones, `most` at most

 private:
  const storage::UidSet uids_;
  std::size_t range_ = 0;
  std::uint64_t next_ = 0;  // in that range; 64 bits: may step past the largest UID
};

}  // namespace everpost::node::imap
