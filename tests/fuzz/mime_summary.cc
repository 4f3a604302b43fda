// Any bytes as a message: its summary is whole, can be stored, rendered and searched; and any bytes
// as a stored summary.

#include <cstdlib>
#include <cstring>

#include "node/mime/summary.h"
#include "node/mime/text.h"

namespace {

using namespace everpost;
using namespace everpost::node;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const mime::Part& part, std::uint64_t begin, std::uint64_t end) {
  require(part.header_at >= begin);
  require(part.header_at + part.header_bytes == part.body_at);
  require(part.body_at + part.body_bytes <= end);
  std::uint64_t at = part.body_at;
  for (const mime::Part& child : part.children) {
    check(child, at, part.body_at + part.body_bytes);
    at = child.body_at + child.body_bytes;
  }
}

void render(const mime::Summary& summary) {
  require(!mime::imap_envelope(summary.envelope).empty());
  require(!mime::imap_body(summary.root).empty());
  require(!mime::imap_body_structure(summary.root).empty());
  require(mime::find_part(summary, {}) == &summary.root);
}

void decode_text(const mime::Part& part, std::string_view content, std::size_t piece) {
  mime::TextDecoder decoder(part);
  mime::CaseFolder folder;
  std::string text, folded;
  for (std::size_t at = 0; at < content.size(); at += piece)
    decoder.feed(content.substr(at, piece), text);
  decoder.finish(text);
  folder.feed(text, folded);
  folder.finish(folded);
  for (const mime::Part& child : part.children) decode_text(child, content, piece);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const mime::Summary summary = mime::summarize(message);
  check(summary.root, 0, size);
  require(summary.root.body_at + summary.root.body_bytes == size);
  render(summary);

  const mime::ReadAt read = [&](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
    require(offset + to.size() <= size);
    std::memcpy(to.data(), message.data() + offset, to.size());
    return {};
  };
  const Result<mime::Summary> in_pieces = mime::summarize(size, read);
  require(in_pieces && *in_pieces == summary);

  for (const std::size_t piece : {std::size_t{7}, size + 1})
    decode_text(summary.root, message, piece);
  mime::fold_case(mime::decode_header(message.substr(0, 1000)));
  mime::written_day(message.substr(0, 100));

  const std::string stored = mime::encode(summary);
  require(stored.size() <= mime::kSummaryBytesMax);
  const Result<mime::Summary> again = mime::decode(as_bytes(stored));
  require(again && *again == summary);

  if (const Result<mime::Summary> decoded = mime::decode(as_bytes(message))) render(*decoded);
  return 0;
}
