// What Protocol decides: what to answer, and what to do next. The shell (conversation.h) does it
// and tells Protocol how it went.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "node/directory/address.h"
#include "node/smtp/reply.h"

namespace everpost::node::smtp {

struct ReadLine {};  // go on with on_line()
// Find out what an address leads to; go on with on_sender(), on_recipient().
struct LookUpSender {
  Address address;
};
struct LookUpRecipient {
  Address address;
};
// Go on with on_auth(). The client's data is decoded.
struct BeginAuth {
  std::string mechanism;
  std::optional<std::string> initial;
};
struct ContinueAuth {
  std::string data;
};
struct StartTls {};  // after the reply is sent: drop all input, shake hands, then on_tls()
// DATA: once there is memory for it, on_ready() has the reply that asks for the message, which is
// then read up to its end; go on with on_message().
struct ReceiveData {};
// BDAT: read so many bytes. With `discard` they are not part of a message and the reply follows
// them: on_discarded(). Otherwise on_chunk(), or on_message() after the last one.
struct ReceiveChunk {
  std::uint64_t bytes = 0;
  bool last = false;
  bool discard = false;
};
struct HangUp {};  // after the reply is sent

using Action = std::variant<ReadLine, LookUpSender, LookUpRecipient, BeginAuth, ContinueAuth,
                            StartTls, ReceiveData, ReceiveChunk, HangUp>;

struct Step {
  std::string reply;  // whole lines, or nothing
  Action action;
  // If mail or a login was refused: why, in one of a few words that metrics and log lines use, and
  // what only the administrator shall read.
  std::string_view refused;
  std::string detail;
};

}  // namespace everpost::node::smtp
