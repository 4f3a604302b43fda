#include "node/imap/search/search.h"

#include <algorithm>

#include "node/imap/search/content_search.h"
#include "node/mime/field.h"
#include "node/mime/text.h"

namespace everpost::node::imap {
namespace {

using Kind = SearchKey::Kind;
using Verdict = Search::Verdict;
using Stage = Search::Stage;

Verdict verdict(bool yes) { return yes ? Verdict::kYes : Verdict::kNo; }

Stage stage_of(Kind kind) {
  switch (kind) {
    case Kind::kSentBefore:
    case Kind::kSentOn:
    case Kind::kSentSince:
      return Stage::kSummary;
    case Kind::kHeader:
      return Stage::kHeader;
    case Kind::kBody:
    case Kind::kText:
      return Stage::kContent;
    default:
      return Stage::kMetadata;
  }
}

// Days in UTC, which is what INTERNALDATE shows.
std::chrono::sys_days day_of(WallTime time) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(time.micros)));
}

bool has_keyword(const storage::Flags& flags, std::string_view keyword) {
  return std::ranges::any_of(
      flags.keywords, [&](const std::string& flag) { return mime::equal_fold(flag, keyword); });
}

}  // namespace

struct Search::Facts {
  const Candidate& candidate;
  const mime::Summary* summary = nullptr;
  std::optional<std::string_view> header{};
  const ContentSearch* content = nullptr;
  std::vector<Verdict>* header_verdicts = nullptr;  // what header keys have said before
};

Search::Search(SearchKey key, std::uint32_t largest_seq, Uid largest_uid)
    : root_(compile(std::move(key), largest_seq, largest_uid)) {}

Search::Node Search::compile(SearchKey key, std::uint32_t largest_seq, Uid largest_uid) {
  Node node;
  node.stage = stage_of(key.kind);
  node.needle = mime::fold_case(key.text);
  if (node.stage == Stage::kHeader) node.index = header_keys_++;
  if (node.stage == Stage::kContent) {
    if (node.needle.empty()) {
      node.stage = Stage::kMetadata;  // every body contains nothing
    } else {
      node.index = needles_.size();
      needles_.push_back(node.needle);
    }
  }
  if (key.kind == Kind::kSequence) node.set = key.set.resolve(largest_seq);
  if (key.kind == Kind::kUid) node.set = key.set.resolve(largest_uid.value);
  for (SearchKey& inner : std::exchange(key.keys, {})) {
    node.nodes.push_back(compile(std::move(inner), largest_seq, largest_uid));
    node.stage = std::max(node.stage, node.nodes.back().stage);
  }
  std::ranges::sort(node.nodes, {}, &Node::stage);
  node.key = std::move(key);
  return node;
}

const SequenceSet* Search::only(Kind kind) const {
  if (root_.key.kind == kind) return &root_.key.set;
  if (root_.key.kind != Kind::kAnd) return nullptr;
  const auto found =
      std::ranges::find_if(root_.nodes, [&](const Node& node) { return node.key.kind == kind; });
  return found == root_.nodes.end() ? nullptr : &found->key.set;
}

Verdict Search::by_metadata(const Candidate& candidate) const {
  return evaluate(root_, {.candidate = candidate});
}

Verdict Search::by_summary(const Candidate& candidate, const mime::Summary& summary) const {
  return evaluate(root_, {.candidate = candidate, .summary = &summary});
}

Verdict Search::by_header(const Candidate& candidate, const mime::Summary& summary,
                          std::string_view header) const {
  return evaluate(root_, {.candidate = candidate, .summary = &summary, .header = header});
}

Result<bool> Search::by_content(const Candidate& candidate, const mime::Summary& summary,
                                const mime::ReadAt& read) const {
  ContentSearch content(needles_, summary, candidate.message.size, read);
  ASSIGN_OR_RETURN(const std::string header, content.header());
  std::vector<Verdict> header_verdicts(header_keys_, Verdict::kOpen);
  const Facts facts{.candidate = candidate,
                    .summary = &summary,
                    .header = header,
                    .content = &content,
                    .header_verdicts = &header_verdicts};
  for (;;) {
    const Verdict now = evaluate(root_, facts);
    if (now != Verdict::kOpen) return now == Verdict::kYes;
    RETURN_IF_ERROR(content.advance());
  }
}

cluster::ByteRange Search::header_range(const storage::MessageInfo& message,
                                        const mime::Summary& summary) {
  const std::uint64_t bytes = std::min<std::uint64_t>(
      {summary.root.header_bytes, mime::kHeaderFieldBytesMax, message.size});
  return {message.content, 0, bytes};
}

// With three values: what is not known yet is open, and may not matter (Kleene's logic).
Verdict Search::evaluate(const Node& node, const Facts& facts) const {
  switch (node.key.kind) {
    case Kind::kAnd:
    case Kind::kOr: {
      const Verdict decides = node.key.kind == Kind::kAnd ? Verdict::kNo : Verdict::kYes;
      Verdict all = node.key.kind == Kind::kAnd ? Verdict::kYes : Verdict::kNo;
      for (const Node& inner : node.nodes) {
        const Verdict one = evaluate(inner, facts);
        if (one == decides) return decides;
        if (one == Verdict::kOpen) all = Verdict::kOpen;
      }
      return all;
    }
    case Kind::kNot: {
      if (node.nodes.empty()) return Verdict::kNo;
      const Verdict inner = evaluate(node.nodes.front(), facts);
      return inner == Verdict::kOpen ? inner : verdict(inner == Verdict::kNo);
    }
    case Kind::kSentBefore:
    case Kind::kSentOn:
    case Kind::kSentSince: {
      if (!facts.summary) return Verdict::kOpen;
      const auto& date = facts.summary->envelope.date;
      const auto day = date ? mime::written_day(*date) : std::nullopt;
      if (!day) return Verdict::kNo;  // sent on no day that we know
      if (node.key.kind == Kind::kSentBefore) return verdict(*day < node.key.date);
      if (node.key.kind == Kind::kSentOn) return verdict(*day == node.key.date);
      return verdict(*day >= node.key.date);
    }
    case Kind::kHeader:
      return evaluate_header(node, facts);
    case Kind::kBody:
    case Kind::kText:
      if (node.stage == Stage::kMetadata) return Verdict::kYes;
      if (!facts.content) return Verdict::kOpen;
      if (facts.content->found(node.index, node.key.kind == Kind::kText)) return Verdict::kYes;
      return facts.content->done() ? Verdict::kNo : Verdict::kOpen;
    default:
      return evaluate_metadata(node.key, node, facts);
  }
}

Verdict Search::evaluate_metadata(const SearchKey& key, const Node& node, const Facts& facts) {
  const storage::MessageInfo& message = facts.candidate.message;
  switch (key.kind) {
    case Kind::kFlag:
      return verdict((message.flags.system & key.number) != 0);
    case Kind::kKeyword:
      return verdict(has_keyword(message.flags, key.text));
    case Kind::kRecent:
      return verdict(facts.candidate.recent);
    case Kind::kSequence:
      return verdict(node.set.contains(Uid{facts.candidate.seq}));
    case Kind::kUid:
      return verdict(node.set.contains(message.uid));
    case Kind::kLarger:
      return verdict(message.size > key.number);
    case Kind::kSmaller:
      return verdict(message.size < key.number);
    case Kind::kModSeq:
      return verdict(message.modseq.value >= key.number);
    case Kind::kBefore:
      return verdict(day_of(message.internal_date) < key.date);
    case Kind::kOn:
      return verdict(day_of(message.internal_date) == key.date);
    case Kind::kSince:
      return verdict(day_of(message.internal_date) >= key.date);
    default:
      return Verdict::kYes;  // ALL
  }
}

Verdict Search::evaluate_header(const Node& node, const Facts& facts) {
  if (!facts.header) return Verdict::kOpen;
  if (!facts.header_verdicts) return verdict(header_contains(node, *facts.header));
  Verdict& known = (*facts.header_verdicts)[node.index];
  if (known == Verdict::kOpen) known = verdict(header_contains(node, *facts.header));
  return known;
}

bool Search::header_contains(const Node& node, std::string_view header) {
  mime::FieldReader reader(header);
  for (mime::Field field; reader.next(field);) {
    if (!mime::equal_fold(field.name, node.key.field)) continue;
    if (node.needle.empty()) return true;
    const std::string text = mime::fold_case(mime::decode_header(mime::unfold(field.value)));
    if (text.find(node.needle) != std::string::npos) return true;
  }
  return false;
}

}  // namespace everpost::node::imap
