#include "storage/replica/apply_records.h"

#include <algorithm>

#include "base/invariant.h"
#include "storage/machine/directory_machine.h"
#include "storage/machine/mail_machine.h"

namespace everpost::storage {
namespace {

// The memory that changes may take before they are written.
constexpr std::size_t kPendingBytesMax = 16 << 20;

std::string name(const RecordHeader& header) {
  return "record of type " + std::to_string(static_cast<unsigned>(header.type)) + " at LSN " +
         to_string(header.lsn);
}

// The state in front of a mark has to be the one that it tells, if it tells of that state.
Result<void> compare(const Index& index, const Record& record) {
  const Result<CheckpointMark> mark = decode_checkpoint_mark(record.meta);
  if (!mark || mark->applied != index.applied() || mark->digest == index.digest()) return {};
  return Error{ErrorCode::kCorrupt, "the index at LSN " + to_string(index.applied()) +
                                        " has the digest " + to_string(index.digest()) +
                                        ", but the " + name(record.header) + " says it has to be " +
                                        to_string(mark->digest)};
}

template <class T>
void sort_unique(std::vector<T>& values) {
  std::ranges::sort(values);
  const auto repeated = std::ranges::unique(values);
  values.erase(repeated.begin(), repeated.end());
}

class MailGroup {
 public:
  explicit MailGroup(IndexTxn& txn) : machine_(txn) {}
  Result<Applied> apply(const Record& record) {
    ASSIGN_OR_RETURN(MailApplied told, machine_.apply(record));
    Applied applied{
        told.op,           record.header.lsn, {}, std::move(told.touched), std::move(told.accounts),
        told.queue_changed};
    if (told.outcome) applied.outcome = *std::move(told.outcome);
    sort_unique(applied.touched);
    sort_unique(applied.accounts);
    return applied;
  }
  Result<void> finish() { return machine_.finish(); }

 private:
  MailMachine machine_;
};

class DirectoryGroup {
 public:
  explicit DirectoryGroup(IndexTxn& txn) : txn_(txn) {}
  Result<Applied> apply(const Record& record) {
    ASSIGN_OR_RETURN(DirectoryApplied told, apply_directory(txn_, record.header, record.meta));
    Applied applied;
    applied.op = told.op;
    applied.lsn = record.header.lsn;
    if (told.outcome) applied.outcome = *std::move(told.outcome);
    return applied;
  }
  Result<void> finish() { return {}; }

 private:
  IndexTxn& txn_;
};

// One index write. Returns how many of the records are in it.
template <class Group>
Result<std::size_t> apply_some(Index& index, std::span<const Record> records,
                               std::vector<Applied>& all) {
  const std::unique_ptr<IndexTxn> txn = index.begin();
  std::size_t count = 0;
  {
    Group group(*txn);
    do {
      auto applied = group.apply(records[count]);
      if (!applied) return in_context("apply " + name(records[count].header), applied.error());
      all.push_back(*std::move(applied));
      ++count;
    } while (count < records.size() && txn->pending_bytes() < kPendingBytesMax &&
             records[count].header.type != RecordType::kCheckpointMark);
    RETURN_IF_ERROR(group.finish());
  }
  RETURN_IF_ERROR(txn->commit(records[count - 1].header.end()));
  return count;
}

Result<std::vector<Applied>> apply_all(Index& index, ShardKind kind,
                                       std::span<const Record> records) {
  std::vector<Applied> all;
  all.reserve(records.size());
  while (!records.empty()) {
    INVARIANT(records.front().header.lsn == index.applied(), "records are applied without a gap");
    if (records.front().header.type == RecordType::kCheckpointMark)
      RETURN_IF_ERROR(compare(index, records.front()));
    ASSIGN_OR_RETURN(const std::size_t count,
                     kind == ShardKind::kMail ? apply_some<MailGroup>(index, records, all)
                                              : apply_some<DirectoryGroup>(index, records, all));
    records = records.subspan(count);
  }
  return all;
}

}  // namespace

Result<std::vector<Applied>> apply_records(HintFile& applying, Index& index, ShardKind kind,
                                           std::span<const Record> records) {
  RETURN_IF_ERROR(
      applying.write({records.front().header.lsn.value, records.back().header.end().value}));
  auto applied = apply_all(index, kind, records);
  // An error is not the records' doing, as a death would be: a full disk, say.
  if (!applied) (void)applying.write({});
  return applied;
}

}  // namespace everpost::storage
