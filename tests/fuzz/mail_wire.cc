// Arbitrary bytes as a request from another node, and as its answer. What is decoded can be encoded
// and decoded again, the same; and it takes no more memory than the limits of mail_wire.h allow.
#include "cluster/router/mail_wire.h"

#include <cstdlib>

#include "cluster/control/control_wire.h"

namespace everpost::cluster {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void round_trip_request(std::string_view bytes) {
  const auto request = decode_request(bytes);
  if (!request) return;
  const std::string encoded = encode(*request);
  const auto again = decode_request(encoded);
  require(again.has_value());
  require(encode(*again) == encoded);
}

void round_trip_answer(std::string_view bytes) {
  const auto answer = decode_answer(bytes);
  if (!answer) return;
  const std::string encoded = encode_answer(answer);
  const auto again = decode_answer(encoded);
  require(again.has_value());
  require(encode_answer(again) == encoded);
}

void round_trip_control(std::string_view bytes) {
  if (const auto request = decode_control_request(bytes)) {
    const auto again = decode_control_request(encode(*request));
    require(again.has_value() && encode(*again) == encode(*request));
  }
  if (const auto answer = decode_control_answer(bytes)) {
    const auto again = decode_control_answer(encode_control_answer(answer));
    require(again.has_value() && *again == *answer);
  }
}

}  // namespace
}  // namespace everpost::cluster

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  everpost::cluster::round_trip_request(bytes);
  everpost::cluster::round_trip_answer(bytes);
  everpost::cluster::round_trip_control(bytes);
  return 0;
}
