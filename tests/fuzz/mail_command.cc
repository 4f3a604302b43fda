// Arbitrary bytes as the meta of the records of a mail shard. What is decoded can be encoded and
// decoded again, the same; and whatever a record says, applying it answers with an outcome and
// leaves the index sound: nothing but a failed disk may stop a replica (H48).
#include <cstdlib>

#include "storage/env/memory_env.h"
#include "storage/index/index.h"
#include "storage/machine/mail_machine.h"

namespace everpost::storage {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void round_trip(Bytes meta) {
  const auto txn = decode_mail_txn(meta);
  if (!txn) return;
  const std::string encoded = encode(*txn);
  const auto again = decode_mail_txn(as_bytes(encoded));
  require(again.has_value());
  require(encode(*again) == encoded);
}

// One shard for all inputs, so that later ones meet what earlier ones left.
class FuzzedShard {
 public:
  FuzzedShard() {
    require(env_.make_folder("index").has_value());
    index_ = *Index::open(env_, "index", 1 << 20);
  }

  void apply(Bytes meta) {
    RecordHeader header;
    header.type = RecordType::kTxn;
    header.feature_level = 1;
    header.lsn = index_->applied();
    header.meta_bytes = static_cast<std::uint32_t>(meta.size());
    header.time = {1'800'000'000'000'000};
    const auto txn = index_->begin();
    MailMachine machine(*txn);
    const auto told = machine.apply(header, meta);
    if (!told) {
      require(told.error().code == ErrorCode::kUnsupported);
      return;
    }
    require(told->outcome.has_value());
    require(machine.finish().has_value());
    require(txn->commit(header.end()).has_value());
    if (++records_ % 1000 == 0) require(*index_->recompute_digest() == index_->digest());
  }

 private:
  MemoryEnv env_;
  std::unique_ptr<Index> index_;
  std::uint64_t records_ = 0;
};

}  // namespace
}  // namespace everpost::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace everpost;
  static storage::FuzzedShard shard;
  const Bytes meta = std::as_bytes(std::span(data, size));
  storage::round_trip(meta);
  shard.apply(meta);
  static_cast<void>(storage::decode_body_chunk(meta));
  static_cast<void>(storage::decode_upload_abort(meta));
  return 0;
}
