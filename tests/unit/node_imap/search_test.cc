// Which messages a SEARCH finds (RFC 3501 §6.4.4), and how dear it is to know.

#include "node/imap/search/search.h"

#include <cstring>
#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

using Kind = SearchKey::Kind;
using Stage = Search::Stage;
using Verdict = Search::Verdict;

SearchKey key(Kind kind) {
  SearchKey key;
  key.kind = kind;
  return key;
}
SearchKey number(Kind kind, std::uint64_t value) {
  SearchKey k = key(kind);
  k.number = value;
  return k;
}
SearchKey date(Kind kind, int year, unsigned month, unsigned day) {
  SearchKey k = key(kind);
  k.date = std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) /
                                 std::chrono::day(day));
  return k;
}
SearchKey text(Kind kind, std::string value) {
  SearchKey k = key(kind);
  k.text = std::move(value);
  return k;
}
SearchKey header(std::string field, std::string value) {
  SearchKey k = text(Kind::kHeader, std::move(value));
  k.field = std::move(field);
  return k;
}
SearchKey set(Kind kind, std::vector<SequenceSet::Range> ranges) {
  SearchKey k = key(kind);
  k.set.ranges = std::move(ranges);
  return k;
}
SearchKey all_of(std::vector<SearchKey> keys, Kind kind = Kind::kAnd) {
  SearchKey k = key(kind);
  k.keys = std::move(keys);
  return k;
}
SearchKey either(SearchKey a, SearchKey b) {
  return all_of({std::move(a), std::move(b)}, Kind::kOr);
}
SearchKey negated(SearchKey inner) { return all_of({std::move(inner)}, Kind::kNot); }

const std::string kMessage =
    "From: =?utf-8?q?J=C3=B6rg?= Example <joerg@example.org>\r\n"
    "To: bob@example.net\r\n"
    "Subject: Notes on\r\n the MEETING\r\n"
    "Date: Tue, 24 Nov 2026 23:30:00 -0800\r\n"
    "X-Empty:\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    "We met at the caf=E9, and=\r\n talked.\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "PHA+U1RSQVNTRTwvcD4=\r\n"  // <p>STRASSE</p>
    "--b\r\nContent-Type: application/pdf; name=report.pdf\r\n\r\nhidden\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?inn=C3=A9r?=\r\n\r\ndeep "
    "down\r\n"
    "--b--\r\n";

struct Fixture {
  std::string bytes = kMessage;
  mime::Summary summary = mime::summarize(bytes);
  storage::MessageInfo info;
  std::uint64_t reads = 0;

  Fixture() {
    info.uid = Uid{12};
    info.modseq = ModSeq{77};
    info.internal_date = WallTime{1795651200'000'000 + 3600'000'000LL};  // 26-Nov-2026 01:00 UTC
    info.size = bytes.size();
    info.flags.system = storage::kSeen | storage::kFlagged;
    info.flags.keywords = {"$Forwarded"};
  }
  Candidate candidate() const { return {info, 5, true}; }
  mime::ReadAt reader() {
    return [this](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
      ++reads;
      std::memcpy(to.data(), bytes.data() + offset, to.size());
      return {};
    };
  }
  bool matches(const SearchKey& key) {
    const Search search(key, 9, Uid{20});
    const Result<bool> found = search.by_content(candidate(), summary, reader());
    EXPECT_TRUE(found);
    // A cheaper stage that answers says the same.
    const Verdict want = *found ? Verdict::kYes : Verdict::kNo;
    const auto range = Search::header_range(info, summary);
    const Verdict by[] = {
        search.by_metadata(candidate()), search.by_summary(candidate(), summary),
        search.by_header(candidate(), summary, std::string_view(bytes).substr(0, range.bytes))};
    for (std::size_t i = 0; i < std::size(by); ++i) {
      EXPECT_TRUE(by[i] == Verdict::kOpen || by[i] == want);
      if (search.deepest() <= static_cast<Stage>(i)) EXPECT_NE(by[i], Verdict::kOpen);
    }
    return *found;
  }
};

TEST(Search, Keys) {
  struct Case {
    const char* name;
    SearchKey key;
    bool want;
  };
  const Case cases[] = {
      {"ALL", key(Kind::kAll), true},
      {"SEEN", number(Kind::kFlag, storage::kSeen), true},
      {"DELETED", number(Kind::kFlag, storage::kDeleted), false},
      {"UNSEEN", negated(number(Kind::kFlag, storage::kSeen)), false},
      {"KEYWORD", text(Kind::kKeyword, "$forwarded"), true},
      {"KEYWORD, another", text(Kind::kKeyword, "$Junk"), false},
      {"RECENT", key(Kind::kRecent), true},
      {"5", set(Kind::kSequence, {{5, 5}}), true},
      {"7:4", set(Kind::kSequence, {{7, 4}}), true},
      {"*", set(Kind::kSequence, {{0, 0}}), false},
      {"UID 1:11", set(Kind::kUid, {{1, 11}}), false},
      {"UID 12:*", set(Kind::kUid, {{12, 0}}), true},
      {"UID 30:*, which is the largest only", set(Kind::kUid, {{30, 0}}), false},
      {"LARGER", number(Kind::kLarger, kMessage.size() - 1), true},
      {"LARGER is strict", number(Kind::kLarger, kMessage.size()), false},
      {"SMALLER is strict", number(Kind::kSmaller, kMessage.size()), false},
      {"MODSEQ", number(Kind::kModSeq, 77), true},
      {"MODSEQ above", number(Kind::kModSeq, 78), false},
      {"BEFORE", date(Kind::kBefore, 2026, 11, 26), false},
      {"BEFORE the day after", date(Kind::kBefore, 2026, 11, 27), true},
      {"ON", date(Kind::kOn, 2026, 11, 26), true},
      {"SINCE", date(Kind::kSince, 2026, 11, 26), true},
      {"SINCE the day after", date(Kind::kSince, 2026, 11, 27), false},
      {"SENTON is the sender's day", date(Kind::kSentOn, 2026, 11, 24), true},
      {"SENTBEFORE", date(Kind::kSentBefore, 2026, 11, 24), false},
      {"SENTSINCE", date(Kind::kSentSince, 2026, 11, 25), false},
      {"SUBJECT over a fold, without case", header("subject", "ON THE meeting"), true},
      {"SUBJECT, another", header("Subject", "minutes"), false},
      {"FROM in an encoded-word", header("From", "j\u00d6RG ex"), true},
      {"FROM an address", header("From", "JOERG@"), true},
      {"HEADER with nothing asks for the field", header("X-Empty", ""), true},
      {"HEADER with nothing, no such field", header("X-None", ""), false},
      {"TO does not look into other fields", header("To", "joerg"), false},
      {"BODY in quoted-printable and Latin-1", text(Kind::kBody, "CAF\u00c9, and talked"), true},
      {"BODY in decomposed letters", text(Kind::kBody, "cafe\u0301"), true},
      {"BODY in base64, folded", text(Kind::kBody, "stra\u00dfe"), true},
      {"BODY in a message within", text(Kind::kBody, "deep"), true},
      {"BODY in the header of a message within", text(Kind::kBody, "inn\u00c9r"), true},
      {"BODY in a part's header", text(Kind::kBody, "report.pdf"), true},
      {"BODY not in other attachments", text(Kind::kBody, "hidden"), false},
      {"BODY not in the message's header", text(Kind::kBody, "joerg"), false},
      {"TEXT in the header", text(Kind::kText, "joerg@"), true},
      {"TEXT with the field's name", text(Kind::kText, "to: bob"), true},
      {"TEXT in the body", text(Kind::kText, "talked"), true},
      {"TEXT nowhere", text(Kind::kText, "bob talked"), false},
      {"BODY of nothing", text(Kind::kBody, ""), true},
      {"and", all_of({key(Kind::kAll), key(Kind::kRecent)}), true},
      {"and not", all_of({key(Kind::kAll), negated(key(Kind::kRecent))}), false},
      {"or", either(text(Kind::kBody, "nowhere"), header("To", "bob")), true},
      {"neither", either(text(Kind::kBody, "nowhere"), header("To", "alice")), false},
      {"not of dear ones", negated(text(Kind::kText, "nowhere")), true},
  };
  Fixture fixture;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(fixture.matches(c.key), c.want);
  }
}

TEST(Search, AMessageWithoutADateWasSentOnNoDay) {
  Fixture fixture;
  fixture.bytes = "Subject: x\r\n\r\n";
  fixture.summary = mime::summarize(fixture.bytes);
  fixture.info.size = fixture.bytes.size();
  for (const Kind kind : {Kind::kSentBefore, Kind::kSentOn, Kind::kSentSince})
    EXPECT_FALSE(fixture.matches(date(kind, 2026, 11, 24)));
}

TEST(Search, AnswersAtTheCheapestStageThatDecides) {
  Fixture fixture;
  const Candidate candidate = fixture.candidate();
  const SearchKey yes = key(Kind::kRecent), no = negated(yes), dear = text(Kind::kBody, "x");
  EXPECT_EQ(Search(all_of({dear, no}), 9, Uid{20}).by_metadata(candidate), Verdict::kNo);
  EXPECT_EQ(Search(all_of({dear, yes}), 9, Uid{20}).by_metadata(candidate), Verdict::kOpen);
  EXPECT_EQ(Search(either(dear, yes), 9, Uid{20}).by_metadata(candidate), Verdict::kYes);
  EXPECT_EQ(Search(either(dear, no), 9, Uid{20}).by_metadata(candidate), Verdict::kOpen);
  EXPECT_EQ(Search(negated(dear), 9, Uid{20}).by_metadata(candidate), Verdict::kOpen);
  const Search sent(all_of({dear, date(Kind::kSentOn, 2026, 11, 23)}), 9, Uid{20});
  EXPECT_EQ(sent.by_summary(candidate, fixture.summary), Verdict::kNo);
}

TEST(Search, TellsItsDearestStage) {
  EXPECT_EQ(Search(key(Kind::kAll), 1, Uid{1}).deepest(), Stage::kMetadata);
  EXPECT_EQ(Search(negated(date(Kind::kSentOn, 2026, 1, 1)), 1, Uid{1}).deepest(), Stage::kSummary);
  EXPECT_EQ(Search(all_of({header("a", "b"), key(Kind::kAll)}), 1, Uid{1}).deepest(),
            Stage::kHeader);
  EXPECT_EQ(Search(text(Kind::kText, "x"), 1, Uid{1}).deepest(), Stage::kContent);
}

TEST(Search, TellsWhichMessagesCanMatchAtAll) {
  const SearchKey uids = set(Kind::kUid, {{3, 4}});
  EXPECT_EQ(Search(all_of({key(Kind::kAll)}), 9, Uid{9}).only_uids(), nullptr);
  const Search bound(all_of({key(Kind::kAll), uids}), 9, Uid{9});
  ASSERT_NE(bound.only_uids(), nullptr);
  EXPECT_EQ(*bound.only_uids(), uids.set);
  EXPECT_EQ(bound.only_seqs(), nullptr);
  EXPECT_EQ(Search(either(key(Kind::kAll), uids), 9, Uid{9}).only_uids(), nullptr);
  EXPECT_EQ(Search(negated(uids), 9, Uid{9}).only_uids(), nullptr);
}

TEST(Search, FindsTextAcrossTheEdgesOfWhatItReads) {
  Fixture fixture;
  fixture.bytes = "Subject: x\r\n\r\n" + std::string((256 << 10) - 20, 'a') + "needle" +
                  std::string(600'000, 'b') + "\u00c9nd";
  fixture.summary = mime::summarize(fixture.bytes);
  fixture.info.size = fixture.bytes.size();
  EXPECT_TRUE(fixture.matches(text(Kind::kBody, "aNEEDLEb")));
  EXPECT_TRUE(fixture.matches(text(Kind::kBody, "b\u00e9nd")));
  EXPECT_FALSE(fixture.matches(text(Kind::kBody, "needle b")));
}

TEST(Search, ReadsNoFurtherThanItHasTo) {
  Fixture fixture;
  fixture.bytes = "Subject: x\r\n\r\nneedle\r\n" + std::string(3 << 20, 'a');
  fixture.summary = mime::summarize(fixture.bytes);
  fixture.info.size = fixture.bytes.size();
  const Search search(text(Kind::kText, "needle"), 1, Uid{1});
  ASSERT_TRUE(search.by_content(fixture.candidate(), fixture.summary, fixture.reader()));
  EXPECT_EQ(fixture.reads, 1U);
}

TEST(Search, ReportsWhatCannotBeRead) {
  Fixture fixture;
  const Search search(text(Kind::kText, "x"), 1, Uid{1});
  const mime::ReadAt broken = [](std::uint64_t, std::span<std::byte>) -> Result<void> {
    return Error{ErrorCode::kIo, "disk"};
  };
  const Result<bool> found = search.by_content(fixture.candidate(), fixture.summary, broken);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kIo);

  fixture.info.size = 10;  // the summary points beyond it
  const Result<bool> short_one =
      search.by_content(fixture.candidate(), fixture.summary, fixture.reader());
  ASSERT_FALSE(short_one);
  EXPECT_EQ(short_one.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace everpost::node::imap
