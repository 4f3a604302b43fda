// The FETCH responses of a batch of messages (RFC 3501 §7.4.2), made piece by piece: so that many
// small messages take one read together, and a large body passes through in bounded memory.
//
//   FetchStream stream(items);
//   for (some hundred messages, or until pending_text_bytes() is much)
//     stream.add(info, seq, recent, summary);
//   while (!stream.done()) {
//     read stream.next(bytes_max);           // perhaps nothing
//     write stream.take(bytes);
//   }
//
// Pure: reading and writing are the session's, and so is \Seen (FetchItem::sets_seen).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/mail_store.h"
#include "node/imap/fetch/section.h"
#include "node/imap/syntax/fetch_item.h"
#include "node/mime/summary.h"
#include "storage/machine/mail_reader.h"

namespace everpost::node::imap {

class FetchStream {
 public:
  explicit FetchStream(std::vector<FetchItem> items);
  FetchStream(const FetchStream&) = delete;

  // Do the items need the messages' summaries (MessageInfo::summary, mime::decode)?
  bool needs_summaries() const { return needs_summaries_; }

  // Appends the response for one message. `summary` is looked at during the call only; it may be
  // nullptr if none is needed. Error: kCorrupt, the summary does not fit the message; nothing is
  // appended then.
  Result<void> add(const storage::MessageInfo& message, std::uint32_t seq, bool recent,
                   const mime::Summary* summary);

  bool done() const { return next_piece_ == pieces_.size() && steps_.empty(); }
  // Text that add() has made and take() has not handed out: ENVELOPE and the like are long for
  // some.
  std::uint64_t pending_text_bytes() const { return pending_text_bytes_; }
  // Has a response been taken in part? Then an error cannot be told but by closing the connection.
  bool in_response() const { return in_response_; }

  // What has to be read for the next take(): `bytes_max` bytes at most, or one header to choose
  // fields from (mime::kHeaderFieldBytesMax). Empty if what comes next needs no reading. The text
  // before and between them has the same bound, but for what is first. A body is cut where one of
  // its extents ends, if that can be: an extent is read and checked as a whole.
  std::vector<cluster::ByteRange> next(std::uint64_t bytes_max);

  // With the bytes of next()'s ranges, in order: what to send now. The views are valid until the
  // next call. Error: kInternal, the bytes are not those asked for.
  Result<std::span<const std::string_view>> take(std::vector<std::string> bytes);

 private:
  struct Piece {
    std::string text;                     // goes out first
    std::size_t message = 0;              // in contents_
    std::uint64_t offset = 0, bytes = 0;  // then these bytes of it, if there are any
    const FieldChoice* fields = nullptr;  // they are a header, and its fields are chosen
    bool last = false;                    // with it a response ends
  };
  struct Step {  // of one next() and take(): a piece, or a part of it
    std::size_t piece = 0;
    bool text = false;
    std::uint64_t bytes = 0;
    bool whole = false;
  };

  void add_section(std::size_t item, std::optional<Place> place, Piece& piece);
  std::uint64_t whole_extents(std::uint64_t bytes_max, bool first) const;
  void push(Piece piece);
  void gather(const Step& step, std::string* bytes);

  const std::vector<FetchItem> items_;
  std::vector<std::optional<FieldChoice>> choices_;  // of each item, if it chooses header fields
  bool needs_summaries_ = false;

  std::vector<std::vector<storage::Extent>> contents_;  // of the messages added
  std::vector<Piece> pieces_;
  std::size_t next_piece_ = 0;     // not passed by next() yet
  std::uint64_t piece_bytes_ = 0;  // passed of that one
  std::vector<Step> steps_;        // passed by next(), not taken
  std::uint64_t pending_text_bytes_ = 0;
  bool in_response_ = false;

  // What take() returned: small things copied together, large ones as they were read.
  struct Out {
    const std::string* read = nullptr;  // nullptr: from `begin` to `end` of gathered_
    std::size_t begin = 0, end = 0;
  };
  std::string gathered_;
  std::vector<std::string> read_;
  std::vector<Out> outs_;
  std::vector<std::string_view> views_;
};

}  // namespace everpost::node::imap
