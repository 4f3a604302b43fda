// What nodes say to each other on behalf of their frontends, as bytes.
#include "cluster/router/mail_wire.h"

#include <gtest/gtest.h>
#include <numeric>

#include "cluster/router/block_reader.h"
#include "cluster/router/read_plan.h"
#include "cluster/router/uid_pack.h"

namespace everpost::cluster {
namespace {

const Uuid kUpload{std::byte{7}, std::byte{9}};
const std::string kName("Ar\0chive/2026", 13);

storage::UidSet uids(std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> ranges) {
  storage::UidSet set;
  for (const auto& [first, last] : ranges) set.add(Uid{first}, Uid{last});
  return set;
}

storage::Extent extent(std::uint64_t at, std::uint32_t bytes) {
  return {Lsn{at}, bytes, static_cast<std::uint32_t>(at)};
}

storage::MailTxn txn() {
  storage::MailTxn txn;
  txn.op = {1, 2, 3};
  txn.commands.push_back(storage::ClaimRecent{MailboxId{4}});
  return txn;
}

std::vector<RequestBody> all_requests() {
  storage::DirectoryTxn directory;
  directory.op = {1, 2, 3};
  directory.commands.push_back(storage::AddDomain{"example.test"});
  return {
      SubmitRequest{txn(), {share("one "), share("body")}},
      StageRequest{kUpload, 3, share("chunk")},
      AbortUploadRequest{kUpload},
      AccountRequest{AccountId{5}},
      MailboxesRequest{AccountId{5}, kName},
      SubscriptionsRequest{AccountId{5}, ""},
      FindMailboxRequest{AccountId{5}, kName},
      OpenMailboxRequest{MailboxId{6}},
      MessagesRequest{MailboxId{6}, uids({{1, 3}, {7, UINT32_MAX}}), 100},
      ChangesRequest{MailboxId{6}, ModSeq{1ull << 62}},
      ReadRequest{{{{extent(64, 10), extent(128, 5)}, 3, UINT64_MAX}, {{}, 0, 0}}},
      QueueRequest{12, 10},
      WatchRequest{1, 2, 1, {{WatchKey::Kind::kMailbox, 6}}, {{WatchKey::Kind::kAccount, 5}}, 100},
      SubmitDirectoryRequest{directory},
  };
}

storage::MailboxInfo mailbox() {
  storage::MailboxInfo box;
  box.id = MailboxId{6};
  box.account = AccountId{5};
  box.name = kName;
  box.special_use = "\\Archive";
  box.selectable = false;
  box.uid_validity = UidValidity{1};
  box.uid_next = Uid{UINT32_MAX};
  box.highest_modseq = ModSeq{77};
  box.messages = 3;
  box.keywords = {"$Junk", "later"};
  return box;
}

storage::MessageInfo message(std::uint32_t uid) {
  storage::MessageInfo one;
  one.uid = Uid{uid};
  one.modseq = ModSeq{8};
  one.internal_date = WallTime{-5};
  one.size = 15;
  one.flags = {storage::kSeen, {"later"}};
  one.guid[3] = std::byte{1};
  one.content = {extent(64, 10), extent(128, 5)};
  one.summary = extent(200, 7);
  return one;
}

std::vector<Answer> all_answers() {
  storage::MailOutcome outcome;
  outcome.lsn = Lsn{4096};
  outcome.repeated = true;
  outcome.results = {
      storage::Done{},
      std::vector<storage::AddedMessage>{
          {std::nullopt, MailboxId{6}, UidValidity{1}, Uid{2}, ModSeq{3}},
          {Error{ErrorCode::kOverQuota, "full"}, {}, {}, {}, {}}},
      storage::StoredFlags{uids({{1, 4}}), uids({{6, 6}}), ModSeq{9}},
      storage::Expunged{uids({{1, 1}, {3, 3}}), ModSeq{10}},
      storage::CopiedMessages{UidValidity{1}, {Uid{1}, Uid{5}}, {Uid{9}, Uid{10}}, ModSeq{2}},
      storage::CreatedMailbox{MailboxId{8}, UidValidity{3}},
      storage::ClaimedRecent{Uid{4}},
      storage::QueuedMessage{8192},
  };
  storage::MailOutcome refused;
  refused.error = Error{ErrorCode::kTimeout, "the operation is too old"};
  storage::MailboxChanges changes;
  changes.mailbox = mailbox();
  changes.changed = {message(1)};
  changes.more = uids({{3, 3}});
  changes.vanished = uids({{2, 2}, {4, 9}});
  storage::QueueEntry entry;
  entry.queue_id = 64;
  entry.sender = "a@example.test";
  entry.content = {extent(64, 10)};
  entry.recipients = {{"b@example.test", AccountId{1}, ShardId{2}, "rfc822;b", "NEVER"}, {}};
  entry.done = {true, false};
  storage::DirectoryOutcome directory;
  directory.account.emplace().address = "ann@example.test";
  return {Nothing{},
          outcome,
          refused,
          extent(64, 256 << 10),
          storage::AccountInfo{AccountId{5}, 1, 2, 3},
          mailbox(),
          MailboxesPage{{mailbox(), mailbox()}, true, 99},
          NamesPage{{"a", kName}, true},
          MailStore::OpenMailbox{mailbox(), {Uid{1}, Uid{2}, Uid{9}}, Uid{2}},
          MessagesPage{{message(1), message(2)}, true},
          changes,
          Texts{{"one", "", "three"}},
          QueuePage{{entry}, false},
          Fired{{{WatchKey::Kind::kAccount, 5}}},
          directory};
}

TEST(MailWire, RequestsComeOutAsTheyWentIn) {
  for (const RequestBody& what : all_requests()) {
    SCOPED_TRACE(what.index());
    const std::string bytes = encode(Request{ShardId{3}, what});
    const auto decoded = decode_request(bytes);
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_EQ(decoded->shard, ShardId{3});
    EXPECT_EQ(decoded->what.index(), what.index());
    EXPECT_EQ(encode(*decoded), bytes);  // every field is encoded, so equal bytes are equal values
  }
  EXPECT_EQ(std::variant_size_v<RequestBody>, all_requests().size());
}

TEST(MailWire, AnswersComeOutAsTheyWentIn) {
  std::set<std::size_t> seen;
  for (const Answer& answer : all_answers()) {
    SCOPED_TRACE(answer.index());
    seen.insert(answer.index());
    const std::string bytes = encode_answer(answer);
    const auto decoded = decode_answer(bytes);
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_EQ(decoded->index(), answer.index());
    EXPECT_EQ(encode_answer(*decoded), bytes);
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<Answer>);
}

TEST(MailWire, AnErrorTravelsWithItsCodeAndItsWords) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const Error error{static_cast<ErrorCode>(code), "what happened"};
    const auto decoded = decode_answer(encode_answer(error));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, error.code);
    EXPECT_EQ(decoded.error().context, error.context);
  }
  const auto cut = decode_answer(encode_answer(Error{ErrorCode::kIo, std::string(1 << 20, 'x')}));
  EXPECT_EQ(cut.error().context.size(), WireLimits::error_context_bytes);
}

TEST(MailWire, WhatIsCutOffOrDamagedIsAnErrorAndNeverACrash) {
  std::vector<std::string> all;
  for (const RequestBody& what : all_requests()) all.push_back(encode(Request{ShardId{3}, what}));
  for (const Answer& answer : all_answers()) all.push_back(encode_answer(answer));
  for (const std::string& bytes : all) {
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      (void)decode_request(bytes.substr(0, n));
      (void)decode_answer(bytes.substr(0, n));
      std::string bad = bytes;
      bad[n] = static_cast<char>(~bytes[n]);
      (void)decode_request(bad);
      (void)decode_answer(bad);
    }
    EXPECT_FALSE(decode_request(bytes.substr(0, 12)));
    EXPECT_FALSE(decode_answer(bytes.substr(0, 12)));
  }
}

TEST(MailWire, WhatIsNewerIsUnsupported) {
  const std::string bytes = encode(Request{ShardId{1}, AccountRequest{AccountId{1}}});
  std::string version = bytes;
  version[0] = 2;
  EXPECT_EQ(decode_request(version).error().code, ErrorCode::kUnsupported);
  std::string method = bytes;
  method[28] = 99;  // behind the header, the segment table, the root pointer and the shard
  EXPECT_EQ(decode_request(method).error().code, ErrorCode::kUnsupported);
}

TEST(MailWire, TooMuchIsRefused) {
  const SubmitRequest body{txn(), {share(std::string(storage::kRecordBodyBytesMax + 1, 'x'))}};
  EXPECT_EQ(decode_request(encode(Request{ShardId{1}, body})).error().code, ErrorCode::kTooLarge);
  const StageRequest chunk{kUpload, 0, share(std::string(MailStore::kChunkBytes + 1, 'x'))};
  EXPECT_EQ(decode_request(encode(Request{ShardId{1}, chunk})).error().code, ErrorCode::kLimit);
  EXPECT_EQ(decode_request(std::string(WireLimits::request_bytes + 1, '\1')).error().code,
            ErrorCode::kLimit);
  const Texts texts{{std::string(WireLimits::answer_bytes, 'x')}};
  EXPECT_EQ(decode_answer(encode_answer(texts)).error().code, ErrorCode::kTooLarge);
  // Few bytes that stand for very many UIDs.
  const std::string all = pack(uids({{1, UINT32_MAX}}));
  EXPECT_EQ(unpack_set(all)->count(), UINT32_MAX);
  EXPECT_EQ(unpack_list(all).error().code, ErrorCode::kLimit);
}

TEST(UidPack, ListsAndSetsPackAlike) {
  const std::vector<Uid> list{Uid{1}, Uid{2}, Uid{3}, Uid{9}, Uid{UINT32_MAX}};
  const auto set = storage::UidSet::of(list);
  EXPECT_EQ(pack(list), pack(set));
  EXPECT_EQ(*unpack_set(pack(list)), set);
  EXPECT_EQ(*unpack_list(pack(set)), list);
  EXPECT_TRUE(unpack_list("")->empty());
}

TEST(UidPack, WhatIsMalformedIsCorrupt) {
  using namespace std::literals;
  for (const std::string_view bad :
       {"\0\0"sv, "\1"sv, "\x80"sv, "\1\x80"sv, "\xFF\xFF\xFF\xFF\x0F\1"sv,
        "\xFF\xFF\xFF\xFF\x1F\0"sv, "\xFF\xFF\xFF\xFF\xFF\xFF\0"sv}) {
    ASSERT_FALSE(unpack_set(bad));
    EXPECT_EQ(unpack_set(bad).error().code, ErrorCode::kCorrupt);
  }
}

TEST(PlanRead, CutsBetweenExtentsAndKeepsTheOrder) {
  const std::vector<ByteRange> ranges{
      {{extent(0, 100), extent(1000, 100), extent(2000, 100)}, 50, 200},
      {{}, 0, UINT64_MAX},
      {{extent(5000, 10)}, 99, 5},
      {{extent(6000, 300)}, 0, UINT64_MAX},
  };
  const auto batches = plan_read(ranges, 160);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].of, (std::vector<std::size_t>{0}));
  EXPECT_EQ(batches[0].pieces[0].extents.size(), 2u);
  EXPECT_EQ(batches[0].pieces[0].offset, 50u);
  EXPECT_EQ(batches[0].pieces[0].bytes, 150u);
  EXPECT_EQ(batches[1].pieces[0].bytes, 50u);
  EXPECT_EQ(batches[1].pieces[0].offset, 0u);
  EXPECT_EQ(batches[2].of, (std::vector<std::size_t>{3}));
  EXPECT_EQ(batches[2].pieces[0].bytes, 300u);
}

// A message whose bytes are there at once, and what was fetched of it.
class FetchedMessage {
 public:
  explicit FetchedMessage(std::size_t chunks) {
    for (std::size_t i = 0; i < chunks; ++i) {
      std::string bytes(MailStore::kChunkBytes - 1, static_cast<char>('a' + i % 26));
      extents.push_back(extent(8 + text.size(), static_cast<std::uint32_t>(bytes.size())));
      text += bytes;
    }
  }
  BlockReader reader() {
    return BlockReader([this](std::vector<storage::Extent> wanted) {
      ++fetches;
      std::string bytes;
      for (const storage::Extent& one : wanted) bytes += text.substr(one.at.value - 8, one.bytes);
      most = std::max(most, bytes.size());
      fetched += bytes.size();
      std::promise<Result<std::string>> promise;
      promise.set_value(fail ? Result<std::string>(Error{ErrorCode::kUnavailable, "away"})
                             : Result<std::string>(bytes));
      return promise.get_future();
    });
  }
  Result<std::string> read(BlockReader& reader, std::uint64_t offset, std::size_t bytes) const {
    std::string to(bytes, '\0');
    RETURN_IF_ERROR(reader.read(extents, offset, std::as_writable_bytes(std::span(to))));
    return to;
  }

  std::string text;
  std::vector<storage::Extent> extents;
  unsigned fetches = 0;
  std::size_t fetched = 0, most = 0;
  bool fail = false;
};

TEST(BlockReader, ReadsAMessageFromEndToEndAndEachByteOnce) {
  FetchedMessage message(12);
  BlockReader reader = message.reader();
  std::string all;
  for (std::size_t at = 0; at < message.text.size(); at += 100'000)
    all += *message.read(reader, at, std::min<std::size_t>(100'000, message.text.size() - at));
  EXPECT_EQ(all, message.text);
  EXPECT_EQ(message.fetched, message.text.size());
  EXPECT_LE(message.fetches, 5u);
  EXPECT_LE(message.most, BlockReader::kBlockBytes);
}

TEST(BlockReader, AHeaderNeedsOneSmallBlock) {
  FetchedMessage message(6);
  BlockReader reader = message.reader();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(message.read(reader, 100 * i, 100));
  EXPECT_EQ(message.fetches, 1u);
  EXPECT_LE(message.fetched, BlockReader::kFirstBytes);
}

TEST(BlockReader, JumpsAboutAndReadsAcrossExtents) {
  FetchedMessage message(9);
  BlockReader reader = message.reader();
  std::uint64_t random = 1;
  for (int i = 0; i < 200; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t at = (random >> 33) % message.text.size();
    const std::size_t bytes =
        std::min<std::size_t>(message.text.size() - at, (random >> 20) % 500'000);
    ASSERT_EQ(*message.read(reader, at, bytes), message.text.substr(at, bytes));
  }
}

TEST(BlockReader, AnErrorIsToldAndForgotten) {
  FetchedMessage message(3);
  BlockReader reader = message.reader();
  message.fail = true;
  EXPECT_EQ(message.read(reader, 0, 10).error().code, ErrorCode::kUnavailable);
  message.fail = false;
  EXPECT_TRUE(message.read(reader, 0, 10));
  EXPECT_EQ(message.read(reader, message.text.size() - 1, 2).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace everpost::cluster
