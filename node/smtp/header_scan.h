// Looks through a message's header while it arrives: counts its hops, notices what a submission
// lacks, finds its end. A header ends with an empty line, or with the first line that cannot be
// part of one (broken mail).
#pragma once

#include <cstddef>
#include <string_view>

namespace everpost::node::smtp {

class HeaderScan {
 public:
  // `message` is all of the message so far, from its first byte on; what was looked at before is
  // not looked at again. Looks at whole lines only.
  void scan(std::string_view message);
  // No more will come: the header ends with the message.
  void finish() { complete_ = true; }

  bool complete() const { return complete_; }
  std::size_t scanned() const { return scanned_; }  // bytes of whole header lines, so far
  std::size_t hops() const { return hops_; }        // Received fields (RFC 5321 §6.3)
  bool has_date() const { return has_date_; }
  bool has_message_id() const { return has_message_id_; }

 private:
  bool take(std::string_view line);

  std::size_t scanned_ = 0;
  std::size_t hops_ = 0;
  bool complete_ = false;
  bool has_date_ = false;
  bool has_message_id_ = false;
};

}  // namespace everpost::node::smtp
