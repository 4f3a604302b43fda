#include "node/imap/search/needles.h"

#include <algorithm>
#include <cstring>

namespace everpost::node::imap {

Needles::Needles(const std::vector<std::string>& needles)
    : needles_(needles), found_(needles.size()), missing_(needles.size()) {
  for (const std::string& needle : needles) longest_ = std::max(longest_, needle.size());
}

void Needles::feed(std::string_view piece) {
  if (all_found() || piece.empty()) return;
  carried_ += piece;
  look(carried_);
  carried_.erase(0, carried_.size() - std::min(carried_.size(), longest_ - 1));
}

void Needles::look(std::string_view text) {
  for (std::size_t i = 0; i < needles_.size(); ++i) {
    if (found_[i] || !memmem(text.data(), text.size(), needles_[i].data(), needles_[i].size()))
      continue;
    found_[i] = true;
    --missing_;
  }
}

}  // namespace everpost::node::imap
