// FETCH responses (RFC 3501 §7.4.2), as a session makes them.

#include "node/imap/fetch/fetch_stream.h"

#include <gtest/gtest.h>
#include <map>

namespace everpost::node::imap {
namespace {

using Kind = FetchItem::Kind;
using Text = BodySection::Text;

FetchItem item(Kind kind) {
  FetchItem item;
  item.kind = kind;
  return item;
}
FetchItem section(std::vector<std::uint32_t> part, Text text, std::vector<std::string> fields = {},
                  std::optional<BodySection::Partial> partial = std::nullopt) {
  FetchItem item;
  item.kind = Kind::kSection;
  item.section.part = std::move(part);
  item.section.text = text;
  item.section.fields = std::move(fields);
  item.section.partial = partial;
  return item;
}

// Messages in memory; an extent's position is the message's number.
struct Mail {
  std::map<std::uint64_t, std::string> messages;

  storage::MessageInfo add(std::string text) {
    storage::MessageInfo info;
    const std::uint64_t number = messages.size() + 1;
    info.uid = Uid{static_cast<std::uint32_t>(number + 100)};
    info.modseq = ModSeq{number + 1000};
    info.internal_date = WallTime{835667065'000'000};
    info.size = text.size();
    info.flags.system = storage::kSeen;
    info.flags.keywords = {"$Forwarded"};
    info.content = {{Lsn{number}, static_cast<std::uint32_t>(text.size()), 0}};
    messages[number] = std::move(text);
    return info;
  }

  std::vector<std::string> read(const std::vector<cluster::ByteRange>& ranges) const {
    std::vector<std::string> bytes;
    for (const cluster::ByteRange& range : ranges)
      bytes.push_back(messages.at(range.extents.at(0).at.value).substr(range.offset, range.bytes));
    return bytes;
  }

  std::string drain(FetchStream& stream, std::uint64_t bytes_max) const {
    std::string out;
    while (!stream.done()) {
      const auto views = stream.take(read(stream.next(bytes_max)));
      EXPECT_TRUE(views);
      for (const std::string_view view : *views) out += view;
    }
    return out;
  }
};

std::string fetch(const std::string& message, std::vector<FetchItem> items) {
  Mail mail;
  const storage::MessageInfo info = mail.add(message);
  FetchStream stream(std::move(items));
  const mime::Summary summary = mime::summarize(message);
  EXPECT_TRUE(stream.add(info, 7, true, &summary));
  return mail.drain(stream, 1 << 20);
}

const std::string kMessage =
    "From: a@b\r\n"
    "Subject: a\r\n folded one\r\n"
    "to: c@d\r\n"
    "X-Empty:\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\n\r\ninner text\r\n--b--\r\n";

TEST(Fetch, OfWhatIsNotInTheBytes) {
  EXPECT_EQ(fetch("Subject: x\r\n\r\nhi\r\n",
                  {item(Kind::kUid), item(Kind::kFlags), item(Kind::kInternalDate),
                   item(Kind::kSize), item(Kind::kModSeq), item(Kind::kEnvelope), item(Kind::kBody),
                   item(Kind::kBodyStructure)}),
            "* 7 FETCH (UID 101 FLAGS (\\Seen \\Recent $Forwarded) "
            "INTERNALDATE \"25-Jun-1996 01:44:25 +0000\" RFC822.SIZE 18 MODSEQ (1001) "
            "ENVELOPE (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) "
            "BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 4 1) "
            "BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 4 1 "
            "NIL NIL NIL NIL))\r\n");
}

TEST(Fetch, OfSections) {
  const std::string header = kMessage.substr(0, kMessage.find("\r\n\r\n") + 4);
  const std::string body = kMessage.substr(header.size());
  const auto literal = [](const std::string& text) {
    return "{" + std::to_string(text.size()) + "}\r\n" + text;
  };
  struct Case {
    FetchItem item;
    std::string want;
  };
  const std::string inner = "Subject: inner\r\n\r\ninner text";
  const Case cases[] = {
      {section({}, Text::kAll), "BODY[] " + literal(kMessage)},
      {item(Kind::kRfc822), "RFC822 " + literal(kMessage)},
      {section({}, Text::kHeader), "BODY[HEADER] " + literal(header)},
      {item(Kind::kRfc822Header), "RFC822.HEADER " + literal(header)},
      {section({}, Text::kText), "BODY[TEXT] " + literal(body)},
      {item(Kind::kRfc822Text), "RFC822.TEXT " + literal(body)},
      {section({1}, Text::kAll), "BODY[1] " + literal("hello")},
      {section({1}, Text::kMime), "BODY[1.MIME] " + literal("Content-Type: text/plain\r\n\r\n")},
      {section({2}, Text::kAll), "BODY[2] " + literal(inner)},
      {section({2}, Text::kHeader), "BODY[2.HEADER] " + literal("Subject: inner\r\n\r\n")},
      {section({2}, Text::kText), "BODY[2.TEXT] " + literal("inner text")},
      {section({2, 1}, Text::kAll), "BODY[2.1] " + literal("inner text")},
      {section({2, 1}, Text::kMime), "BODY[2.1.MIME] " + literal("Subject: inner\r\n\r\n")},
      {section({2}, Text::kHeaderFields, {"SUBJECT"}),
       "BODY[2.HEADER.FIELDS (SUBJECT)] " + literal("Subject: inner\r\n\r\n")},
      // What is not there is NIL.
      {section({3}, Text::kAll), "BODY[3] NIL"},
      {section({1}, Text::kHeader), "BODY[1.HEADER] NIL"},
      {section({1}, Text::kText), "BODY[1.TEXT] NIL"},
      {section({1, 1}, Text::kMime), "BODY[1.1.MIME] NIL"},
      // Fields keep their order and folding; names are compared without case.
      {section({}, Text::kHeaderFields, {"TO", "subject", "X-None"}),
       "BODY[HEADER.FIELDS (TO subject X-None)] " +
           literal("Subject: a\r\n folded one\r\nto: c@d\r\n\r\n")},
      {section({}, Text::kHeaderFieldsNot, {"Subject", "Content-Type"}),
       "BODY[HEADER.FIELDS.NOT (Subject Content-Type)] " +
           literal("From: a@b\r\nto: c@d\r\nX-Empty:\r\n\r\n")},
      {section({}, Text::kHeaderFields, {"X-None"}),
       "BODY[HEADER.FIELDS (X-None)] " + literal("\r\n")},
      {section({}, Text::kHeaderFields, {"X (odd)"}),
       "BODY[HEADER.FIELDS (\"X (odd)\")] " + literal("\r\n")},
      // Partials (RFC 3501 §6.4.5).
      {section({1}, Text::kAll, {}, BodySection::Partial{0, 2}), "BODY[1]<0> " + literal("he")},
      {section({1}, Text::kAll, {}, BodySection::Partial{3, 100}), "BODY[1]<3> " + literal("lo")},
      {section({1}, Text::kAll, {}, BodySection::Partial{5, 1}), "BODY[1]<5> " + literal("")},
      {section({1}, Text::kAll, {}, BodySection::Partial{4000000000U, 4000000000U}),
       "BODY[1]<4000000000> " + literal("")},
      {section({}, Text::kHeaderFields, {"TO"}, BodySection::Partial{4, 3}),
       "BODY[HEADER.FIELDS (TO)]<4> " + literal("c@d")},
  };
  for (const Case& c : cases)
    EXPECT_EQ(fetch(kMessage, {c.item}), "* 7 FETCH (" + c.want + ")\r\n");
}

TEST(Fetch, OfAnEmptyMessage) {
  EXPECT_EQ(fetch("", {section({}, Text::kAll), section({}, Text::kHeader),
                       section({}, Text::kHeaderFields, {"To"}), section({1}, Text::kAll)}),
            "* 7 FETCH (BODY[] {0}\r\n BODY[HEADER] {0}\r\n BODY[HEADER.FIELDS (To)] {2}\r\n\r\n"
            " BODY[1] {0}\r\n)\r\n");
}

TEST(Fetch, OfAHeaderThatIsCutOff) {
  EXPECT_EQ(fetch("Subject: x", {section({}, Text::kHeaderFields, {"subject"})}),
            "* 7 FETCH (BODY[HEADER.FIELDS (subject)] {14}\r\nSubject: x\r\n\r\n)\r\n");
}

TEST(Fetch, NeverSendsANul) {
  EXPECT_EQ(fetch(std::string("A: \0\r\n\r\n\0", 9),
                  {section({}, Text::kAll), section({}, Text::kHeaderFields, {"a"})}),
            "* 7 FETCH (BODY[] {9}\r\nA: \x80\r\n\r\n\x80 "
            "BODY[HEADER.FIELDS (a)] {8}\r\nA: \x80\r\n\r\n)\r\n");
}

TEST(FetchStream, KnowsWhetherItNeedsSummaries) {
  EXPECT_FALSE(FetchStream({item(Kind::kFlags), item(Kind::kUid), item(Kind::kSize),
                            item(Kind::kRfc822), section({}, Text::kAll)})
                   .needs_summaries());
  for (FetchItem needing :
       {item(Kind::kEnvelope), item(Kind::kBody), item(Kind::kBodyStructure),
        item(Kind::kRfc822Header), item(Kind::kRfc822Text), section({1}, Text::kAll),
        section({}, Text::kHeader), section({}, Text::kHeaderFields, {"a"})})
    EXPECT_TRUE(FetchStream({needing}).needs_summaries());
}

TEST(FetchStream, IsTheSameInPiecesOfAnySize) {
  const std::vector<FetchItem> items = {item(Kind::kUid), section({}, Text::kAll),
                                        section({}, Text::kHeaderFields, {"To"}),
                                        section({1}, Text::kAll), item(Kind::kSize)};
  Mail mail;
  std::string want;
  std::vector<storage::MessageInfo> messages;
  for (int i = 0; i < 5; ++i) {
    std::string text = "To: x" + std::to_string(i) + "\r\n\r\n";
    text += std::string(static_cast<std::size_t>(i) * 20'000, static_cast<char>('a' + i));
    messages.push_back(mail.add(text));
  }
  for (const std::uint64_t bytes_max : {1ULL << 20, 1ULL << 16, 1000ULL, 7ULL}) {
    FetchStream stream(items);
    std::uint32_t seq = 0;
    for (const storage::MessageInfo& message : messages) {
      const mime::Summary summary = mime::summarize(mail.messages[++seq]);
      ASSERT_TRUE(stream.add(message, seq, false, &summary));
    }
    const std::string out = mail.drain(stream, bytes_max);
    if (want.empty()) want = out;
    EXPECT_EQ(out, want) << bytes_max;
    EXPECT_EQ(stream.pending_text_bytes(), 0U);
  }
}

TEST(FetchStream, ReadsManySmallMessagesAtOnce) {
  Mail mail;
  FetchStream stream({section({}, Text::kAll)});
  for (std::uint32_t seq = 1; seq <= 100; ++seq)
    ASSERT_TRUE(stream.add(mail.add("Subject: x\r\n\r\nhello\r\n"), seq, false, nullptr));
  const auto ranges = stream.next(1 << 20);
  EXPECT_EQ(ranges.size(), 100U);
  const auto views = stream.take(mail.read(ranges));
  ASSERT_TRUE(views);
  EXPECT_EQ(views->size(), 1U);  // gathered
  EXPECT_TRUE(stream.done());
}

TEST(FetchStream, NeedsNoReadForMetadata) {
  Mail mail;
  FetchStream stream({item(Kind::kFlags)});
  for (std::uint32_t seq = 1; seq <= 3; ++seq)
    ASSERT_TRUE(stream.add(mail.add("x"), seq, false, nullptr));
  EXPECT_TRUE(stream.next(1).empty());
  const auto views = stream.take({});
  ASSERT_TRUE(views);
  EXPECT_EQ(views->size(), 1U);
  EXPECT_TRUE(stream.done());
}

TEST(FetchStream, ReadsALargeBodyInBoundedPiecesAndSaysWhenItIsInOne) {
  Mail mail;
  FetchStream stream({section({}, Text::kAll)});
  ASSERT_TRUE(stream.add(mail.add(std::string(1'000'000, 'x')), 1, false, nullptr));
  std::uint64_t rounds = 0;
  EXPECT_FALSE(stream.in_response());
  while (!stream.done()) {
    std::uint64_t bytes = 0;
    const auto ranges = stream.next(100'000);
    for (const auto& range : ranges) bytes += range.bytes;
    EXPECT_LE(bytes, 100'000U);
    ASSERT_TRUE(stream.take(mail.read(ranges)));
    EXPECT_EQ(stream.in_response(), !stream.done());
    ++rounds;
  }
  EXPECT_EQ(rounds, 10U);
}

TEST(FetchStream, CutsABodyWhereItsExtentsEnd) {
  FetchStream stream({section({}, Text::kAll)});
  storage::MessageInfo small, large;
  small.size = 80;
  small.content = {{Lsn{1}, 80, 0}};
  large.size = 250;
  large.content = {{Lsn{100}, 100, 0}, {Lsn{200}, 100, 0}, {Lsn{300}, 50, 0}};
  ASSERT_TRUE(stream.add(small, 1, false, nullptr));
  ASSERT_TRUE(stream.add(large, 2, false, nullptr));
  std::vector<std::vector<std::uint64_t>> rounds;
  while (!stream.done()) {
    std::vector<std::string> bytes;
    rounds.emplace_back();
    for (const cluster::ByteRange& range : stream.next(160)) {
      rounds.back().push_back(range.bytes);
      bytes.emplace_back(range.bytes, 'x');
    }
    ASSERT_TRUE(stream.take(std::move(bytes)));
  }
  // Less than an extent fits behind the small message; no extent is read in two rounds.
  EXPECT_EQ(rounds, (std::vector<std::vector<std::uint64_t>>{{80}, {100}, {150}}));
}

TEST(FetchStream, CountsTextAsWellAsBytes) {
  Mail mail;
  FetchStream stream({item(Kind::kUid), section({}, Text::kAll)});
  for (std::uint32_t seq = 1; seq <= 100; ++seq)
    ASSERT_TRUE(stream.add(mail.add("x"), seq, false, nullptr));
  while (!stream.done()) {
    std::uint64_t bytes = 0;
    const auto views = stream.take(mail.read(stream.next(200)));
    ASSERT_TRUE(views);
    for (const std::string_view view : *views) bytes += view.size();
    EXPECT_LE(bytes, 250U);
  }
}

TEST(FetchStream, ChoosesAmongManyFieldsByName) {
  std::string header;
  BodySection wanted;
  wanted.text = Text::kHeaderFields;
  for (int i = 0; i < 20'000; ++i) header += "X-" + std::to_string(i) + ": a\r\n";
  for (int i = 0; i < 500; ++i) wanted.fields.push_back("x-" + std::to_string(i));
  EXPECT_EQ(FieldChoice(wanted).of(header), header.substr(0, header.find("X-500:")) + "\r\n");
}

TEST(FetchStream, RefusesASummaryThatDoesNotFitTheMessage) {
  Mail mail;
  FetchStream stream({item(Kind::kUid), section({1}, Text::kAll)});
  const mime::Summary summary = mime::summarize("Subject: x\r\n\r\nlonger\r\n");
  const Result<void> added = stream.add(mail.add("short"), 1, false, &summary);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(stream.done());
}

TEST(FetchStream, RefusesBytesItHasNotAskedFor) {
  Mail mail;
  FetchStream stream({section({}, Text::kAll)});
  ASSERT_TRUE(stream.add(mail.add("hello"), 1, false, nullptr));
  ASSERT_EQ(stream.next(100).size(), 1U);
  EXPECT_FALSE(stream.take({"hell"}));
}

}  // namespace
}  // namespace everpost::node::imap
