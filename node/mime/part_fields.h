// From a part's header to what the summary says of it.
#pragma once

#include <string>
#include <string_view>

#include "node/mime/budget.h"
#include "node/mime/field.h"
#include "node/mime/summary.h"

namespace everpost::node::mime {

class PartFields {
 public:
  // `envelope`: where a message's envelope goes; nullptr for a part that is not a message's own.
  // `in_digest`: without a Content-Type it is a message/rfc822 (RFC 2046 §5.1.5).
  PartFields(Part& part, Envelope* envelope, Budget& budget, bool in_digest)
      : part_(part), envelope_(envelope), budget_(budget), in_digest_(in_digest) {}

  // Of a field that must not be repeated the first one counts; addresses of repeated fields are
  // joined, so that what a client shows is all that another program may have checked.
  void read(std::string_view header);

 private:
  bool read_content(const Field& field);  // false: not a Content-* field that matters
  void read_envelope(const Field& field);
  void read_content_type(std::string_view value);
  void read_disposition(std::string_view value);
  void set(std::optional<std::string>& to, const Field& field);
  void add(std::vector<Address>& to, const Field& field);
  bool take(const Parameters& parameters);

  Part& part_;
  Envelope* const envelope_;
  Budget& budget_;
  const bool in_digest_;
  bool has_content_type_ = false, has_encoding_ = false;
};

bool is_multipart(const Part& part);
bool is_message(const Part& part);          // message/rfc822
std::string boundary_of(const Part& part);  // empty: not a multipart, or one without a boundary

}  // namespace everpost::node::mime
