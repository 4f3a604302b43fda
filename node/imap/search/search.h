// Does a message match a SEARCH (RFC 3501 §6.4.4)? Asked in stages, each dearer than the one
// before:
//
//   metadata   MessageInfo alone: flags, UIDs, sizes, internal dates, modseqs
//   summary    and the stored summary (some hundred bytes): SENTBEFORE, SENTON, SENTSINCE
//   header     and the message's header: FROM, SUBJECT, HEADER
//   content    and the whole message, decoded: BODY, TEXT
//
// A stage answers kOpen only if what the dearer keys say can still matter. So a mailbox of a
// hundred thousand messages is searched without reading one of them if the keys are cheap, and only
// what they let through is read if they are not.
//
// Text matches as a substring, after both sides are decoded (RFC 2047, transfer encodings,
// charsets) and made comparable (mime::fold_case). BODY and TEXT look at the text parts, at the
// headers of parts, and at messages in the message; not into attachments of other types.
//
// Pure but for the reader of the last stage, and immutable: may be used by any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/mail_store.h"
#include "node/imap/syntax/search_key.h"
#include "node/mime/summary.h"
#include "storage/machine/mail_reader.h"

namespace everpost::node::imap {

struct Candidate {
  const storage::MessageInfo& message;
  std::uint32_t seq = 0;
  bool recent = false;
};

class Search {
 public:
  enum class Stage : std::uint8_t { kMetadata, kSummary, kHeader, kContent };
  enum class Verdict : std::uint8_t { kNo, kYes, kOpen };

  // `largest_seq` and `largest_uid` are what `*` stands for, 0 in an empty mailbox.
  Search(SearchKey key, std::uint32_t largest_seq, Uid largest_uid);

  // The dearest stage that any message can need.
  Stage deepest() const { return root_.stage; }

  // Messages outside these sets cannot match; nullptr: there is no such set.
  const SequenceSet* only_seqs() const { return only(SearchKey::Kind::kSequence); }
  const SequenceSet* only_uids() const { return only(SearchKey::Kind::kUid); }

  // Any stage may be asked without the ones before; none but by_content() decides for certain.
  Verdict by_metadata(const Candidate& candidate) const;
  Verdict by_summary(const Candidate& candidate, const mime::Summary& summary) const;
  // `header`: the bytes of header_range().
  Verdict by_header(const Candidate& candidate, const mime::Summary& summary,
                    std::string_view header) const;
  // Reads from `read`, which may block, in pieces of 256 KiB. Errors: those of `read`.
  Result<bool> by_content(const Candidate& candidate, const mime::Summary& summary,
                          const mime::ReadAt& read) const;

  // What by_header() wants of a message: its header, at most mime::kHeaderFieldBytesMax bytes of
  // it.
  static cluster::ByteRange header_range(const storage::MessageInfo& message,
                                         const mime::Summary& summary);

 private:
  struct Node {
    SearchKey key;  // without its `keys`
    Stage stage = Stage::kMetadata;
    storage::UidSet set;      // of kSequence and kUid
    std::string needle;       // `text`, folded
    std::size_t index = 0;    // of kBody and kText: in needles_; of kHeader: in Facts
    std::vector<Node> nodes;  // of kAnd, kOr and kNot: cheap ones first
  };
  struct Facts;

  Node compile(SearchKey key, std::uint32_t largest_seq, Uid largest_uid);
  Verdict evaluate(const Node& node, const Facts& facts) const;
  static Verdict evaluate_metadata(const SearchKey& key, const Node& node, const Facts& facts);
  static Verdict evaluate_header(const Node& node, const Facts& facts);
  static bool header_contains(const Node& node, std::string_view header);
  const SequenceSet* only(SearchKey::Kind kind) const;

  std::vector<std::string> needles_;  // of BODY and TEXT
  std::size_t header_keys_ = 0;
  Node root_;
};

}  // namespace everpost::node::imap
