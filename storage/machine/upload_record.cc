// The metas of BODY_CHUNK and UPLOAD_ABORT records: docs/formats/mail_command.md.
#include "storage/machine/mail_command.h"

namespace everpost::storage {
namespace {

Error corrupt(const char* what) { return {ErrorCode::kCorrupt, what}; }

}  // namespace

std::string encode(const BodyChunk& chunk) {
  std::string meta(as_text(chunk.upload));
  append_le(meta, chunk.n);
  append_le(meta, std::uint32_t{0});
  return meta;
}

// Longer than we know is fine: a newer program may have something to add.
Result<BodyChunk> decode_body_chunk(Bytes meta) {
  BodyChunk chunk;
  if (meta.size() < 24) return corrupt("BODY_CHUNK of fewer than 24 bytes");
  std::memcpy(chunk.upload.data(), meta.data(), 16);
  chunk.n = load_le<std::uint32_t>(meta.data() + 16);
  return chunk;
}

std::string encode(const UploadAbort& abort) { return std::string(as_text(abort.upload)); }

Result<UploadAbort> decode_upload_abort(Bytes meta) {
  UploadAbort abort;
  if (meta.size() < 16) return corrupt("UPLOAD_ABORT of fewer than 16 bytes");
  std::memcpy(abort.upload.data(), meta.data(), 16);
  return abort;
}

}  // namespace everpost::storage
