#include "storage/machine/mail/bodies.h"

#include "base/crc32c.h"
#include "storage/index/keys.h"
#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {
namespace {

Error invalid(std::string_view why) { return {ErrorCode::kInvalidArgument, std::string(why)}; }

bool same(const NewContent& a, const NewContent& b) {
  return a.upload == b.upload && a.chunks == b.chunks && a.own_bytes == b.own_bytes &&
         a.own_crc == b.own_crc && a.summary_bytes == b.summary_bytes &&
         a.summary_crc == b.summary_crc && a.size == b.size && a.guid == b.guid;
}

void bury(IndexTxn& txn, const BodyValue& body, Lsn kill) {
  txn.create(keys::dead_body(kill, body.key()), body.encode());
}

// The whole body of a record that nothing refers to.
void bury_record(IndexTxn& txn, const RecordHeader& record, Lsn kill) {
  if (record.body_bytes == 0) return;
  BodyValue body;
  body.content.push_back({record.body_at(), record.body_bytes, record.body_crc});
  bury(txn, body, kill);
}

void bury_chunk(IndexTxn& txn, const ChunkValue& chunk, Lsn kill) {
  BodyValue body;
  body.content.push_back(chunk.extent);
  bury(txn, body, kill);
}

Result<BodyValue> find_body(IndexTxn& txn, Lsn key, std::string& stored) {
  ASSIGN_OR_RETURN(auto value, txn.get(keys::body(key)));
  if (!value)
    return Error{ErrorCode::kCorrupt, "index: no body at " + to_string(key) + " for a message"};
  stored = *std::move(value);
  return BodyValue::decode(stored);
}

struct Staged {
  std::string key, value;
};

Result<void> kill_chunks(IndexTxn& txn, const std::vector<Staged>& chunks, Lsn kill) {
  for (const Staged& chunk : chunks) {
    ASSIGN_OR_RETURN(const ChunkValue value, ChunkValue::decode(chunk.value));
    bury_chunk(txn, value, kill);
    txn.erase(chunk.key, chunk.value);
  }
  return {};
}

}  // namespace

Result<void> NewBody::take_chunks(const NewContent& content) {
  body_.content.reserve(content.chunks + 1);
  for (std::uint32_t n = 0; n < content.chunks; ++n) {
    const keys::Key key = keys::chunk(*content.upload, n);
    ASSIGN_OR_RETURN(const auto stored, txn_.get(key));
    if (!stored)
      return Error{ErrorCode::kNotFound, "chunk " + std::to_string(n) + " of the upload is gone"};
    ASSIGN_OR_RETURN(const ChunkValue chunk, ChunkValue::decode(*stored));
    body_.content.push_back(chunk.extent);
    txn_.erase(key, *stored);
  }
  return {};
}

Result<const BodyValue*> NewBody::resolve(const NewContent& content) {
  if (content_) {
    if (!same(*content_, content)) return invalid("an operation has one message");
    return &body_;
  }
  // What follows cannot be told from the bytes themselves later, and a message that fails its
  // checksum for ever would be worse than one that is refused.
  const std::uint64_t in_record = std::uint64_t{content.own_bytes} + content.summary_bytes;
  if (in_record != header_.body_bytes)
    return invalid("the record's body is not the message's part and its summary");
  if (crc32c_combine(content.own_crc, content.summary_crc, content.summary_bytes) !=
      (header_.body_bytes > 0 ? header_.body_crc : 0))
    return invalid("the checksums of the message's parts are not those of the record's body");

  RETURN_IF_ERROR(take_chunks(content));
  if (content.own_bytes > 0)
    body_.content.push_back({header_.body_at(), content.own_bytes, content.own_crc});
  if (content.summary_bytes > 0)
    body_.summary = {header_.body_at() + content.own_bytes, content.summary_bytes,
                     content.summary_crc};
  std::uint64_t size = 0;
  for (const Extent& extent : body_.content) size += extent.bytes;
  if (size == 0 || size != content.size)
    return invalid("the message has another size than it says");
  content_ = content;
  return &body_;
}

void NewBody::finish() {
  if (!content_)
    bury_record(txn_, header_, header_.lsn);
  else if (body_.references == 0)
    bury(txn_, body_, header_.lsn);
  else
    txn_.create(keys::body(body_.key()), body_.encode());
  content_.reset();
}

void NewBody::abandon() {
  bury_record(txn_, header_, header_.lsn);
  content_.reset();
}

Result<void> add_reference(Context& context, Lsn key) {
  if (BodyValue* body = context.body.find(key)) {
    ++body->references;
    return {};
  }
  std::string stored;
  ASSIGN_OR_RETURN(BodyValue body, find_body(context.txn, key, stored));
  if (body.references == UINT32_MAX)
    return refuse(ErrorCode::kLimit, "the message has too many copies");
  ++body.references;
  context.txn.replace(keys::body(key), stored, body.encode());
  return {};
}

Result<void> drop_reference(Context& context, Lsn key) {
  if (BodyValue* body = context.body.find(key)) {
    --body->references;
    return {};
  }
  std::string stored;
  ASSIGN_OR_RETURN(BodyValue body, find_body(context.txn, key, stored));
  if (body.references == 0)
    return Error{ErrorCode::kCorrupt, "index: a body without references at " + to_string(key)};
  if (--body.references > 0) {
    context.txn.replace(keys::body(key), stored, body.encode());
    return {};
  }
  context.txn.erase(keys::body(key), stored);
  bury(context.txn, body, context.header.lsn);
  return {};
}

Result<void> stage_chunk(IndexTxn& txn, const RecordHeader& header, const BodyChunk& chunk) {
  if (chunk.n >= MailLimits::chunks || header.body_bytes == 0) {
    bury_record(txn, header, header.lsn);  // can be part of no message
    return {};
  }
  const keys::Key key = keys::chunk(chunk.upload, chunk.n);
  ASSIGN_OR_RETURN(const auto before, txn.get(key));
  ChunkValue now;
  now.extent = {header.body_at(), header.body_bytes, header.body_crc};
  now.staged = header.time;
  if (!before) {
    txn.create(key, now.encode());
    return {};
  }
  RETURN_IF_ERROR(kill_chunks(txn, {{std::string(key.view()), *before}}, header.lsn));
  txn.create(key, now.encode());
  return {};
}

Result<void> drop_upload(IndexTxn& txn, const Uuid& upload, Lsn kill) {
  std::vector<Staged> dead;
  RETURN_IF_ERROR(txn.scan(keys::chunks(upload), {},
                           [&](std::string_view key, std::string_view value) -> Result<bool> {
                             dead.push_back({std::string(key), std::string(value)});
                             return true;
                           }));
  return kill_chunks(txn, dead, kill);
}

Result<void> drop_uploads(IndexTxn& txn, WallTime before, Lsn kill, std::size_t limit) {
  // An upload's chunks follow each other; whether they are dead is known after the last of them.
  std::vector<Staged> dead, upload;
  constexpr std::size_t kIdBytes = keys::kUploads.size() + sizeof(Uuid);
  WallTime newest;
  const auto end_upload = [&] {
    if (newest < before) std::ranges::move(upload, std::back_inserter(dead));
    upload.clear();
    newest = {};
  };
  RETURN_IF_ERROR(txn.scan(
      keys::kUploads, {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
        ASSIGN_OR_RETURN(const ChunkValue chunk, ChunkValue::decode(value));
        if (!upload.empty() &&
            key.substr(0, kIdBytes) != std::string_view(upload.front().key).substr(0, kIdBytes)) {
          end_upload();
          if (dead.size() >= limit) return false;
        }
        newest = std::max(newest, chunk.staged);
        upload.push_back({std::string(key), std::string(value)});
        return true;
      }));
  end_upload();
  return kill_chunks(txn, dead, kill);
}

}  // namespace everpost::storage::mail
