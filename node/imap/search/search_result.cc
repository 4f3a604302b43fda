#include "node/imap/search/search_result.h"

#include <algorithm>

#include "node/mime/imap_string.h"

namespace everpost::node::imap {

void SearchResult::add(std::uint32_t number, ModSeq modseq) {
  if (count_++ == 0) {
    first_ = number;
    first_modseq_ = modseq;
  }
  last_ = number;
  last_modseq_ = modseq;
  highest_modseq_ = std::max(highest_modseq_, modseq);
  numbers_.add(Uid{number});
}

std::string SearchResult::response(const SearchRequest& request, std::string_view tag,
                                   bool uid) const {
  return request.want ? esearch(request, tag, uid) : search(request);
}

std::string SearchResult::search(const SearchRequest& request) const {
  std::string text = "* SEARCH";
  for (const storage::UidSet::Range& range : numbers_.ranges()) {
    for (std::uint64_t number = range.first.value; number <= range.last.value; ++number)
      text += ' ' + std::to_string(number);
  }
  // RFC 7162 §3.1.5: "the highest mod-sequence for all messages being returned"
  if (request.wants_modseq() && count_ > 0) text += " (MODSEQ " + to_string(highest_modseq_) + ')';
  return text + "\r\n";
}

std::string SearchResult::esearch(const SearchRequest& request, std::string_view tag,
                                  bool uid) const {
  const SearchReturn& want = *request.want;
  std::string text = "* ESEARCH (TAG ";
  mime::append_imap_string(text, tag);
  text += ')';
  if (uid) text += " UID";
  // RFC 4731 §3.1: MIN, MAX and ALL are not there if nothing matched, COUNT is.
  if (want.min && count_ > 0) text += " MIN " + std::to_string(first_);
  if (want.max && count_ > 0) text += " MAX " + std::to_string(last_);
  if (want.all && count_ > 0) text += " ALL " + numbers_.to_string();
  if (want.count) text += " COUNT " + std::to_string(count_);
  if (request.wants_modseq() && count_ > 0) text += " MODSEQ " + to_string(modseq_of(want));
  return text + "\r\n";
}

// RFC 4731 §3.2 and RFC 7162 §3.1.10: of the messages returned, if MIN or MAX only are; else of all
// that matched.
ModSeq SearchResult::modseq_of(const SearchReturn& want) const {
  if (want.all || want.count || (!want.min && !want.max)) return highest_modseq_;
  ModSeq modseq;
  if (want.min) modseq = std::max(modseq, first_modseq_);
  if (want.max) modseq = std::max(modseq, last_modseq_);
  return modseq;
}

}  // namespace everpost::node::imap
