// What a request is answered with: JSON, or a refusal that says what to do.
#pragma once

#include <boost/json/value.hpp>
#include <expected>
#include <string>

#include "base/result.h"

namespace everpost::node::admin {

namespace json = boost::json;

struct Refusal {
  Error error;
  std::string remedy;  // a sentence for the operator; may be empty
};

class [[nodiscard]] Answer : public std::expected<json::value, Refusal> {
 public:
  using std::expected<json::value, Refusal>::expected;
  Answer(json::object object)  // NOLINT
      : std::expected<json::value, Refusal>(json::value(std::move(object))) {}
  Answer(Refusal refusal)  // NOLINT
      : std::expected<json::value, Refusal>(std::unexpect, std::move(refusal)) {}
  // With the remedy that goes with the error's code.
  Answer(Error error);  // NOLINT
};

// HTTP's status code for an error.
unsigned http_status(ErrorCode code);
// {"error": {"code", "message", "remedy"}}
json::object to_json(const Refusal& refusal);

}  // namespace everpost::node::admin
