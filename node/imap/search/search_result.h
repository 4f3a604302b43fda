// What a SEARCH has found, and how it is told: SEARCH (RFC 3501 §7.2.5, RFC 7162 §3.1.5) or ESEARCH
// (RFC 4731).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "node/imap/syntax/search_key.h"
#include "storage/machine/uid_set.h"

namespace everpost::node::imap {

class SearchResult {
 public:
  // A message that matched: its sequence number, or its UID for UID SEARCH. In ascending order.
  void add(std::uint32_t number, ModSeq modseq);

  std::uint64_t count() const { return count_; }

  // The untagged response, CRLF included. `tag`: of the command, `uid`: it was UID SEARCH.
  std::string response(const SearchRequest& request, std::string_view tag, bool uid) const;

 private:
  std::string search(const SearchRequest& request) const;
  std::string esearch(const SearchRequest& request, std::string_view tag, bool uid) const;
  ModSeq modseq_of(const SearchReturn& want) const;

  storage::UidSet numbers_;
  std::uint64_t count_ = 0;
  std::uint32_t first_ = 0, last_ = 0;
  ModSeq first_modseq_, last_modseq_, highest_modseq_;
};

}  // namespace everpost::node::imap
