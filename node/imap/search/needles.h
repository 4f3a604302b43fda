// Looks for several texts in one that comes in pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace everpost::node::imap {

class Needles {
 public:
  // `needles` outlive this; none is empty.
  explicit Needles(const std::vector<std::string>& needles);

  // The next piece of the text; then its end, after which another text begins.
  void feed(std::string_view piece);
  void end() { carried_.clear(); }

  bool found(std::size_t needle) const { return found_[needle]; }
  bool all_found() const { return missing_ == 0; }

 private:
  void look(std::string_view text);

  const std::vector<std::string>& needles_;
  std::vector<bool> found_;
  std::size_t missing_;
  std::size_t longest_ = 0;
  std::string carried_;  // the end of the pieces so far: a needle may lie across two
};

}  // namespace everpost::node::imap
