// Any bytes, in pieces of any size, through the real reader and parser, literals and APPEND's
// messages included: nothing crashes, every byte is taken, memory stays bounded, and what comes out
// is within the bounds that the commands rely on. What a command asks for is then done on a mailbox
// of one message: SEARCH's stages must agree, LIST's patterns and FETCH's responses keep the rules.
//
// The first byte says how large the pieces are, and which limits hold.
#include <algorithm>
#include <cstdint>

#include "base/invariant.h"
#include "node/imap/fetch/fetch_stream.h"
#include "node/imap/search/search.h"
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

constexpr std::string_view kMessage =
    "From: Ann <a@b.example>\r\n"
    "Subject: =?utf-8?q?caf=C3=A9?=\r\n folded\r\n"
    "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
    "X: x\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\n\r\ninner text\r\n--b--\r\n";

const mime::Summary& summary() {
  static const mime::Summary made = mime::summarize(kMessage);
  return made;
}

storage::MessageInfo message() {
  storage::MessageInfo info;
  info.uid = Uid{7};
  info.modseq = ModSeq{70};
  info.size = kMessage.size();
  info.flags = {storage::kSeen, {"$x"}};
  info.content = {{Lsn{1}, static_cast<std::uint32_t>(kMessage.size()), 0}};
  return info;
}

void check_search(const SearchKey& key) {
  using Verdict = Search::Verdict;
  const Search search(key, 3, Uid{9});
  const storage::MessageInfo info = message();
  const Candidate candidate{info, 2, true};
  const auto read = [](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
    INVARIANT(offset <= kMessage.size() && to.size() <= kMessage.size() - offset,
              "a search reads within the message");
    std::ranges::copy(as_bytes(kMessage.substr(offset, to.size())), to.begin());
    return {};
  };
  const auto range = Search::header_range(info, summary());
  const Result<bool> matches = search.by_content(candidate, summary(), read);
  INVARIANT(matches, "a whole message can be searched");
  const Verdict certain = *matches ? Verdict::kYes : Verdict::kNo;
  for (const Verdict early :
       {search.by_metadata(candidate), search.by_summary(candidate, summary()),
        search.by_header(candidate, summary(), kMessage.substr(range.offset, range.bytes))})
    INVARIANT(early == Verdict::kOpen || early == certain, "a cheap stage does not err");
}

void check_pattern(const std::string& pattern) {
  for (const std::string_view name : {"INBOX", "INBOX/a", "a", "a/b/c", "caf\xc3\xa9", ""}) {
    const bool matches = matches_pattern(pattern, name);
    INVARIANT(!matches || matches_pattern("*" + pattern, name), "'*' stands for nothing, too");
    INVARIANT(
        matches_pattern("**" + pattern + "%*", name) == matches_pattern("*" + pattern + "*", name),
        "wildcards in a row are one");
  }
}

void check_fields(const BodySection& section) {
  BodySection all = section;
  all.partial.reset();
  BodySection rest = all;
  rest.text = BodySection::Text::kHeaderFieldsNot;
  all.text = BodySection::Text::kHeaderFields;
  const auto header = kMessage.substr(0, summary().root.header_bytes);
  const std::size_t both = FieldChoice(all).of(header).size() + FieldChoice(rest).of(header).size();
  INVARIANT(both == header.size() + 2, "each field is named or not, and each choice has its end");
}

void check_fetch(const std::vector<FetchItem>& items) {
  for (const FetchItem& item : items)
    if (chooses_fields(item.section)) check_fields(item.section);
  FetchStream stream(items);
  INVARIANT(stream.add(message(), 2, true, &summary()), "the summary fits");
  std::string response;
  while (!stream.done()) {
    std::vector<std::string> bytes;
    for (const cluster::ByteRange& range : stream.next(100))
      bytes.emplace_back(kMessage.substr(range.offset, range.bytes));
    const auto parts = stream.take(std::move(bytes));
    INVARIANT(parts, "the bytes are those asked for");
    for (const std::string_view part : *parts) response += part;
  }
  INVARIANT(response.starts_with("* 2 FETCH (") && response.ends_with(")\r\n"),
            "a response is whole");
}

struct Check {
  template <class Arguments>
  void operator()(const Arguments& arguments) const {
    if constexpr (requires { check_set(arguments.set); }) check_set(arguments.set);
    if constexpr (requires { check_mailbox(arguments.mailbox); }) check_mailbox(arguments.mailbox);
    if constexpr (requires { check_search(arguments.request.key); })
      check_search(arguments.request.key);
    if constexpr (requires { check_fetch(arguments.request.items); })
      check_fetch(arguments.request.items);
    if constexpr (requires { arguments.patterns; })
      for (const std::string& pattern : arguments.patterns)
        check_pattern(arguments.reference + pattern);
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
