#include "storage/machine/mail_machine.h"

#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/ops.h"
#include "storage/machine/mail/sweep.h"

namespace everpost::storage {
namespace {

using namespace mail;

constexpr std::uint32_t kFeatureLevel = 1;  // of the commands this program knows

}  // namespace

struct MailMachine::Impl {
  explicit Impl(IndexTxn& t) : txn(t), shard(t), accounts(t), mailboxes(t) {}

  IndexTxn& txn;
  Shard shard;
  Accounts accounts;
  Mailboxes mailboxes;
  bool loaded = false;

  Result<void> start();
  void mark();
  void undo_to_mark();
  Result<void> flush();

  Result<MailApplied> apply_txn(const RecordHeader& header, Bytes meta);
  Result<void> decide(Context& context, const MailTxn& txn, MailOutcome& outcome);
  Result<void> drop_message(Context& context, const MailTxn& txn);
  Result<void> run_all(Context& context, const MailTxn& txn, MailOutcome& outcome);
};

Result<void> MailMachine::Impl::start() {
  if (!loaded) RETURN_IF_ERROR(shard.load());
  loaded = true;
  return {};
}

void MailMachine::Impl::mark() {
  txn.mark();
  shard.mark();
  accounts.mark();
  mailboxes.mark();
}

void MailMachine::Impl::undo_to_mark() {
  txn.undo_to_mark();
  shard.undo_to_mark();
  accounts.undo_to_mark();
  mailboxes.undo_to_mark();
}

Result<void> MailMachine::Impl::flush() {
  accounts.flush();
  mailboxes.flush();
  return shard.flush();
}

// Runs the commands; an error means that none has had an effect.
Result<void> MailMachine::Impl::run_all(Context& context, const MailTxn& txn,
                                        MailOutcome& outcome) {
  outcome.results.reserve(txn.commands.size());
  for (const MailCommand& command : txn.commands) {
    ASSIGN_OR_RETURN(auto result,
                     std::visit([&](const auto& one) { return run(context, one); }, command));
    outcome.results.push_back(std::move(result));
  }
  context.body.finish();
  return {};
}

// An operation that was done before came again, with its message: what was sent along is not
// needed.
Result<void> MailMachine::Impl::drop_message(Context& context, const MailTxn& txn) {
  context.body.abandon();
  for (const MailCommand& command : txn.commands) {
    const NewContent* content = nullptr;
    if (const auto* add = std::get_if<AddMessage>(&command)) content = &add->content;
    if (const auto* add = std::get_if<QueueAdd>(&command)) content = &add->content;
    if (content && content->upload)
      RETURN_IF_ERROR(drop_upload(context.txn, *content->upload, context.header.lsn));
  }
  return {};
}

// Fills in `outcome`. An error is the index's.
Result<void> MailMachine::Impl::decide(Context& context, const MailTxn& txn, MailOutcome& outcome) {
  auto known = recall(context.txn, shard, txn.op, context.header.time);
  if (known && *known) {
    outcome = **std::move(known);
    return drop_message(context, txn);
  }
  if (!known) {
    if (broken(known.error())) return std::move(known).error();
    outcome.error = std::move(known).error();
    context.body.abandon();
    return {};
  }

  mark();
  if (auto done = run_all(context, txn, outcome); !done) {
    if (broken(done.error())) return done;
    undo_to_mark();
    context.told.touched.clear();
    context.told.accounts.clear();
    context.told.queue_changed = false;
    outcome.error = std::move(done).error();
    outcome.results.clear();
    context.body.abandon();
  }
  remember(context.txn, shard, txn.op, outcome);
  return {};
}

Result<MailApplied> MailMachine::Impl::apply_txn(const RecordHeader& header, Bytes meta) {
  MailApplied told;
  told.lsn = header.lsn;
  MailOutcome outcome;
  outcome.lsn = header.lsn;
  NewBody body(txn, header);
  Context context{txn, shard, accounts, mailboxes, header, body, told};

  auto decoded = decode_mail_txn(meta);
  if (decoded) {
    told.op = decoded->op;
    RETURN_IF_ERROR(decide(context, *decoded, outcome));
    if (sweep_is_due(decoded->op)) RETURN_IF_ERROR(sweep(context, kSweepOften));
  } else if (decoded.error().code == ErrorCode::kUnsupported) {
    return std::move(decoded).error();
  } else {
    if (const auto op = decode_mail_op(meta)) told.op = *op;
    outcome.error = std::move(decoded).error();
    body.abandon();
  }
  told.outcome = std::move(outcome);
  return told;
}

MailMachine::MailMachine(IndexTxn& txn) : impl_(std::make_unique<Impl>(txn)) {}
MailMachine::~MailMachine() = default;

Result<MailApplied> MailMachine::apply(const RecordHeader& header, Bytes meta) {
  RETURN_IF_ERROR(impl_->start());
  if (header.feature_level > kFeatureLevel || (header.flags & kCompressedMeta) != 0)
    return Error{ErrorCode::kUnsupported,
                 "record at " + to_string(header.lsn) + " is of a newer program"};
  MailApplied told;
  told.lsn = header.lsn;
  switch (header.type) {
    case RecordType::kTxn:
      return impl_->apply_txn(header, meta);
    case RecordType::kBodyChunk:
      // A meta that cannot be read is of no upload: the bytes are nobody's.
      if (const auto chunk = decode_body_chunk(meta)) {
        RETURN_IF_ERROR(stage_chunk(impl_->txn, header, *chunk));
      } else {
        NewBody(impl_->txn, header).abandon();
      }
      return told;
    case RecordType::kUploadAbort:
      if (const auto abort = decode_upload_abort(meta)) {
        RETURN_IF_ERROR(drop_upload(impl_->txn, abort->upload, header.lsn));
      }
      return told;
    case RecordType::kEpochStart:
    case RecordType::kNoop:
    case RecordType::kCheckpointMark:
      return told;
    case RecordType::kFeatureLevel:
    case RecordType::kRewindGuard:  // comes with restoring an older copy (H39)
      break;
  }
  if ((header.flags & kIgnorable) != 0) return told;
  return Error{ErrorCode::kUnsupported,
               "record at " + to_string(header.lsn) + " is of a type that is newer"};
}

Result<void> MailMachine::finish() { return impl_->flush(); }

}  // namespace everpost::storage
