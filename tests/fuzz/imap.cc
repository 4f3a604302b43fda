// Any bytes, in pieces of any size, through the real reader and parser, literals and APPEND's
// messages included: nothing crashes, every byte is taken, memory stays bounded, and what comes out
// is within the bounds that the commands rely on.
//
// The first byte says how large the pieces are, and which limits hold.
#include <algorithm>
#include <cstdint>

#include "base/invariant.h"
#include "node/imap/session/format.h"
#include "node/imap/session/view.h"
#include "node/imap/syntax/command_reader.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {
namespace {

void check_set(const SequenceSet& set) {
  static const View view = [] {
    View made;
    for (std::uint32_t uid = 1; uid < 100; uid += uid % 7 == 0 ? 5 : 1) made.append(Uid{uid});
    return made;
  }();
  const auto named = view.uids_named(set);
  const auto numbered = view.uids_of(set);
  INVARIANT(difference(named, view.all()).empty() && difference(numbered, view.all()).empty(),
            "a set names messages of the mailbox only");
}

void check_mailbox(const std::string& name) {
  const std::string wire = encode_mailbox_name(name);
  const auto again = decode_mailbox_name(wire);
  INVARIANT(again && *again == name, "a mailbox name has one spelling on the wire");
}

struct Check {
  template <class Arguments>
  void operator()(const Arguments& arguments) const {
    if constexpr (requires { check_set(arguments.set); }) check_set(arguments.set);
    if constexpr (requires { check_mailbox(arguments.mailbox); }) check_mailbox(arguments.mailbox);
  }
};

}  // namespace

void run(std::string_view input) {
  if (input.empty()) return;
  const auto control = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  const std::size_t piece = (control & 63) == 0 ? input.size() : control & 63;
  CommandReader reader;
  CommandReader::Limits limits;
  if ((control & 64) != 0)
    limits = {.line_bytes = 100, .command_bytes = 200, .literals = 3, .skip_bytes = 1000};
  reader.set_limits(limits);

  std::uint64_t message = 0;  // bytes of APPEND's message that come next
  while (!input.empty()) {
    const std::string_view chunk = input.substr(0, piece);
    std::size_t taken = 0;
    if (message > 0) {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(message, chunk.size()));
      message -= taken;
      input.remove_prefix(taken);
      continue;
    }
    auto event = reader.feed(chunk, taken);
    INVARIANT(taken > 0 && taken <= chunk.size(), "the reader takes some of what it is given");
    input.remove_prefix(taken);
    if (const auto* command = std::get_if<Command>(&event)) {
      std::visit(Check{}, command->arguments);
    } else if (const auto* append = std::get_if<CommandReader::Message>(&event)) {
      std::visit(Check{}, append->command.arguments);
      message = std::get<AppendCommand>(append->command.arguments).bytes;
    } else if (const auto* error = std::get_if<SyntaxError>(&event)) {
      INVARIANT(printable(error->response) == error->response, "a refusal is one line of text");
      INVARIANT(!error->tag.empty(), "a refusal has a tag");
    } else if (std::holds_alternative<CommandReader::GiveUp>(event)) {
      return;
    }
  }
}

}  // namespace everpost::node::imap

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  everpost::node::imap::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
