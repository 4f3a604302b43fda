// BDAT (RFC 3030 §2): a message in pieces of known length. The bytes follow the command whatever we
// think of it, so those of a refused one are read and dropped.
#include <algorithm>
#include <charconv>

#include "node/smtp/commands/command.h"
#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

struct Arguments {
  std::uint64_t bytes = 0;
  bool last = false;
};

// "123", "123 LAST"
std::optional<Arguments> parse(std::string_view text) {
  Arguments arguments;
  const std::size_t space = text.find(' ');
  const std::string_view number = text.substr(0, space);
  if (number.empty() || !std::ranges::all_of(number, is_digit)) return std::nullopt;
  const auto parsed =
      std::from_chars(number.data(), number.data() + number.size(), arguments.bytes);
  if (parsed.ec != std::errc{}) return std::nullopt;
  if (space == text.npos) return arguments;
  if (!equals_ignoring_case(text.substr(space + 1), "LAST")) return std::nullopt;
  arguments.last = true;
  return arguments;
}

Step discard(Session& session, std::uint64_t bytes, Step answer) {
  // Reading on for ever to say no is not worth it.
  if (bytes > session.settings.message_bytes) {
    answer.action = HangUp{};
    return answer;
  }
  session.after_discard = std::move(answer);
  Step step;
  step.action = ReceiveChunk{bytes, false, true};
  return step;
}

}  // namespace

Step bdat(Session& session, std::string_view arguments) {
  const auto parsed = parse(arguments);
  if (!parsed) {
    // How many bytes follow, nobody knows: taking them for commands would be SMTP smuggling.
    Step step = bad_arguments(session, "Usage: BDAT bytes [LAST]");
    step.action = HangUp{};
    return step;
  }
  if (!session.transaction)
    return discard(session, parsed->bytes, bad_sequence(session, "Say MAIL first"));
  if (session.transaction->recipients.empty())
    return discard(session, parsed->bytes, bad_sequence(session, "No valid recipients"));
  session.transaction->chunked = true;
  Step step;
  step.action = ReceiveChunk{parsed->bytes, parsed->last, false};
  return step;
}

Step bdat_received(Session& session, std::uint64_t bytes, const std::optional<Refusal>& refusal) {
  if (!refusal) return answer(250, "2.0.0", std::to_string(bytes) + " bytes received");
  // RFC 3030 §2: the message has failed; further pieces of it are out of sequence.
  session.transaction.reset();
  return refuse(refusal->reply.code, refusal->reply.enhanced, refusal->reply.text, refusal->reason);
}

}  // namespace everpost::node::smtp
