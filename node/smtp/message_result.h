// What became of a message, and what the directory says about a recipient: facts that the shell
// brings to Protocol.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/directory/directory.h"
#include "node/smtp/reply.h"

namespace everpost::node::smtp {

struct Refusal {
  Reply reply;
  std::string_view reason;  // as in Step::refused
};

struct MessageResult {
  // All recipients are refused together; the fields below are empty then.
  std::optional<Refusal> refusal;
  std::string id;                                  // of the record, for the reply and the log
  std::vector<std::optional<Refusal>> recipients;  // one for each, in order; nothing: accepted
};

struct RecipientFacts {
  Resolution resolution;
  bool over_quota = false;  // every account that it leads to is full
};

}  // namespace everpost::node::smtp
