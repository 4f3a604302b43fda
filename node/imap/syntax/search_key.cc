#include "node/imap/syntax/search_key.h"

#include <algorithm>

namespace everpost::node::imap {
namespace {

bool has_modseq(const SearchKey& key) {
  return key.kind == SearchKey::Kind::kModSeq || std::ranges::any_of(key.keys, has_modseq);
}

}  // namespace

bool SearchRequest::wants_modseq() const { return has_modseq(key); }

}  // namespace everpost::node::imap
