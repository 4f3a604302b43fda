// A node that does not have the shard serves its accounts all the same, whatever the network does.
#include "cluster/router/remote_mail_store.h"

#include <gtest/gtest.h>
#include <random>

#include "cluster/router/remote_directory_store.h"
#include "cluster/router/serve_mail.h"
#include "tests/unit/cluster/remote_node.h"

namespace everpost::cluster {
namespace {

class RemoteMailStoreTest : public RemoteNodeTest {
 protected:
  // What both stores answer must be the same, as bytes.
  template <class T>
  void expect_same(Task<T> from_here, Task<T> from_there) {
    const Result<T> here = await(std::move(from_here)), there = await(std::move(from_there));
    ASSERT_TRUE(here) << to_string(here.error());
    ASSERT_TRUE(there) << to_string(there.error());
    EXPECT_EQ(bytes(*here), bytes(*there));
  }
  static std::string bytes(const std::vector<storage::MailboxInfo>& v) {
    return encode_answer(MailboxesPage{v});
  }
  static std::string bytes(const std::vector<std::string>& v) { return encode_answer(Texts{v}); }
  static std::string bytes(const std::vector<storage::MessageInfo>& v) {
    return encode_answer(MessagesPage{v});
  }
  static std::string bytes(const std::vector<storage::QueueEntry>& v) {
    return encode_answer(QueuePage{v});
  }
  template <class T>
  static std::string bytes(const T& v) {
    return encode_answer(Answer(v));
  }
};

TEST_F(RemoteMailStoreTest, EveryReadAnswersWhatThePrimaryAnswers) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(deliver(there(), "text " + std::to_string(i)));
  const MailboxId box = inbox().id;
  storage::MailTxn txn;
  txn.op = there().new_op();
  txn.commands.push_back(storage::CreateMailbox{kAnn, "Work/2026", ""});
  txn.commands.push_back(storage::Subscribe{kAnn, "Work/2026"});
  storage::UidSet two;
  two.add(Uid{2});
  txn.commands.push_back(storage::StoreFlags{
      box, two, storage::StoreFlags::Mode::kAdd, {storage::kSeen | storage::kDeleted, {"$x"}}, {}});
  storage::UidSet four;
  four.add(Uid{4});
  txn.commands.push_back(storage::Expunge{box, four, false});
  storage::QueueAdd queue;
  queue.sender = "a@example.net";
  queue.content = add("queued").content;
  // To a shard that is not there, so that it stays in the queue.
  queue.recipients.push_back({"bob@example.test", AccountId{77}, ShardId{44}, "", ""});
  txn.commands.push_back(queue);
  const auto outcome = await(mail().submit(kOne, txn, {share("queued")}));
  ASSERT_TRUE(outcome && !outcome->error);
  EXPECT_EQ(outcome->results.size(), 5u);
  const auto again = await(there().submit(kOne, txn, {share("queued")}));
  EXPECT_TRUE(again->repeated);

  expect_same(mail().account(kOne, kAnn), there().account(kOne, kAnn));
  expect_same(mail().mailboxes(kOne, kAnn), there().mailboxes(kOne, kAnn));
  expect_same(mail().subscriptions(kOne, kAnn), there().subscriptions(kOne, kAnn));
  expect_same(mail().find_mailbox(kOne, kAnn, "Work/2026"),
              there().find_mailbox(kOne, kAnn, "Work/2026"));
  expect_same(mail().open_mailbox(kOne, box), there().open_mailbox(kOne, box));
  expect_same(mail().messages(kOne, box, all_uids(), 3),
              there().messages(kOne, box, all_uids(), 3));
  expect_same(mail().messages(kOne, box, all_uids(), 0),
              there().messages(kOne, box, all_uids(), 0));
  expect_same(mail().changes(kOne, box, ModSeq{3}), there().changes(kOne, box, ModSeq{3}));
  expect_same(mail().queue(kOne, 0, 10), there().queue(kOne, 0, 10));
  EXPECT_EQ(await(mail().queue(kOne, 0, 10))->size(), 1u);
  EXPECT_EQ(texts(mail(), box), (std::vector<std::string>{"text 0", "text 1", "text 2", "text 4"}));
  EXPECT_EQ(mail().mail_shards(), there().mail_shards());
}

TEST_F(RemoteMailStoreTest, ErrorsArriveWithTheirCode) {
  EXPECT_EQ(await(mail().find_mailbox(kOne, kAnn, "No such")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(await(mail().account(ShardId{3}, kAnn)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(await(mail().read(kOne, {{{{Lsn{8}, 100, 1}}, 0, 100}})).error().code,
            await(there().read(kOne, {{{{Lsn{8}, 100, 1}}, 0, 100}})).error().code);
  const ByteRange huge{std::vector<storage::Extent>(70, {Lsn{8}, 1 << 20, 1})};
  EXPECT_EQ(await(mail().read(kOne, {huge})).error().code, ErrorCode::kTooLarge);
  const ByteRange bad{{{Lsn{8}, UINT32_MAX, 1}}, 0, 1};
  EXPECT_EQ(await(mail().read(kOne, {bad})).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RemoteMailStoreTest, AWriteHappensOnceWhateverBecomesOfRequestsAndAnswers) {
  const auto random = std::make_shared<std::mt19937>(7);
  peer_.set_plan([random](NodeId, unsigned) { return static_cast<Fault>((*random)() % 8); });
  std::vector<std::string> want;
  for (int i = 0; i < 40; ++i) {
    want.push_back("text " + std::to_string(i));
    const auto outcome = deliver(mail(), want.back());
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    EXPECT_FALSE(outcome->error);
  }
  EXPECT_EQ(texts(mail(), inbox().id), want);
  EXPECT_GT(peer_.calls(), 80u);
  EXPECT_GT(map_.wrongs, 0u);
}

TEST_F(RemoteMailStoreTest, ALargeMessageIsStagedAndReadThroughABadNetwork) {
  const auto random = std::make_shared<std::mt19937>(11);
  peer_.set_plan([random](NodeId, unsigned n) {
    return n % 2 == 0 ? static_cast<Fault>((*random)() % 8) : Fault::kNone;
  });
  std::string text(3'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * i % 23);
  storage::MailTxn txn;
  txn.op = mail().new_op();
  storage::AddMessage message;
  message.targets.push_back({kAnn, MailboxId{0}});
  message.content.upload = Uuid{std::byte{7}};
  message.content.size = text.size();
  for (std::size_t at = 0; at < text.size(); at += MailStore::kChunkBytes)
    ASSERT_TRUE(await(mail().stage(kOne, *message.content.upload, message.content.chunks++,
                                   share(text.substr(at, MailStore::kChunkBytes)))));
  txn.commands.push_back(message);
  const auto outcome = await(mail().submit(kOne, txn));
  ASSERT_TRUE(outcome && !outcome->error);
  EXPECT_EQ(texts(mail(), inbox().id), std::vector<std::string>{text});

  const auto found = await(mail().messages(kOne, inbox().id, all_uids(), 1));
  const auto& content = found->at(0).content;
  std::vector<ByteRange> ranges{{content, 10, 5}, {content, 2'999'990}, {content, 100, 0}, {{}}};
  EXPECT_EQ(*await(mail().read(kOne, ranges)),
            (std::vector<std::string>{text.substr(10, 5), text.substr(2'999'990), "", ""}));

  std::string read(text.size(), '\0');
  unsigned runs = 0;
  const auto work = [&](const MailStore::BlockingRead& reader) -> Result<void> {
    ++runs;
    const auto to = std::as_writable_bytes(std::span(read));
    for (std::size_t at = 0; at < read.size(); at += 50'000) {
      const std::size_t bytes = std::min<std::size_t>(50'000, read.size() - at);
      RETURN_IF_ERROR(reader(content, at, to.subspan(at, bytes)));
    }
    return {};
  };
  const auto done = await(mail().with_reader(kOne, work));
  ASSERT_TRUE(done) << to_string(done.error());
  EXPECT_EQ(runs, 1u);
  EXPECT_EQ(read, text);
}

TEST_F(RemoteMailStoreTest, WhatAWorkerFoundIsTheAnswer) {
  const auto refuse = [](const MailStore::BlockingRead&) -> Result<void> {
    return Error{ErrorCode::kConflict, "not today"};
  };
  EXPECT_EQ(await(mail().with_reader(kOne, refuse)).error().code, ErrorCode::kConflict);
  map_.set(kHere);
  EXPECT_EQ(await(mail().with_reader(kOne, refuse)).error().code, ErrorCode::kConflict);
}

TEST_F(RemoteMailStoreTest, ListsOfManyPagesAreWhole) {
  for (int i = 0; i < 3; ++i) {
    storage::MailTxn txn;
    txn.op = there().new_op();
    for (int j = 0; j < 900; ++j) txn.commands.push_back(add("same"));
    const auto outcome = await(there().submit(kOne, txn, {share("same")}));
    ASSERT_TRUE(outcome && !outcome->error);
  }
  const MailboxId box = inbox().id;
  expect_same(mail().messages(kOne, box, all_uids(), 100'000),
              there().messages(kOne, box, all_uids(), 100'000));
  expect_same(mail().messages(kOne, box, all_uids(), 1500),
              there().messages(kOne, box, all_uids(), 1500));
  expect_same(mail().open_mailbox(kOne, box), there().open_mailbox(kOne, box));
  expect_same(mail().changes(kOne, box, ModSeq{1}), there().changes(kOne, box, ModSeq{1}));
}

TEST_F(RemoteMailStoreTest, AskTheNextPrimaryWhenOneSaysItIsNot) {
  map_.set(kOther);
  map_.after_wrong = kThere;
  peer_.set_plan(
      [](NodeId node, unsigned) { return node == kOther ? Fault::kNotPrimary : Fault::kNone; });
  EXPECT_TRUE(deliver(mail(), "hello"));
  EXPECT_EQ(map_.wrongs, 1u);
  EXPECT_EQ(peer_.calls(), 2u);
}

TEST_F(RemoteMailStoreTest, ThePrimaryMayBeThisNode) {
  map_.set(kHere);
  EXPECT_TRUE(deliver(mail(), "hello"));
  EXPECT_EQ(texts(mail(), inbox().id), std::vector<std::string>{"hello"});
  EXPECT_EQ(peer_.calls(), 0u);
}

TEST_F(RemoteMailStoreTest, ANodeThatHangsIsLeftOnceAnotherHasTakenOver) {
  route_.attempt = std::chrono::seconds{9};
  make_store();
  map_.set(kOther);
  peer_.set_plan([this](NodeId node, unsigned) {
    if (node != kOther) return Fault::kNone;
    map_.set(kThere);
    return Fault::kLoseRequest;
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(deliver(mail(), "hello"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{5});
}

TEST_F(RemoteMailStoreTest, NobodyThereIsSaidAfterTheDeadline) {
  route_.deadline = std::chrono::milliseconds{60};
  make_store();
  for (const Fault fault : {Fault::kRefuse, Fault::kBreakBefore, Fault::kLoseRequest,
                            Fault::kNotPrimary, Fault::kNone}) {
    SCOPED_TRACE(static_cast<int>(fault));
    peer_.set_plan([=](NodeId, unsigned) { return fault; });
    map_.set(fault == Fault::kNone ? NodeId{0} : kThere);  // or nobody is known at all
    const auto begun = std::chrono::steady_clock::now();
    const auto outcome = deliver(mail(), "hello");
    const auto took = std::chrono::steady_clock::now() - begun;
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(outcome.error().context.find("shard 1 has had no primary that answers for 60 ms"),
              std::string::npos)
        << outcome.error().context;
    EXPECT_GE(took, std::chrono::milliseconds{50});
    EXPECT_LT(took, std::chrono::seconds{5});
  }
}

TEST_F(RemoteMailStoreTest, OtherErrorsAreNotTriedAgain) {
  const auto space = *env_.space("data");
  env_.set_space(space.total_bytes - space.free_bytes + (4 << 20));
  ASSERT_TRUE(soon([&] { return node_->space().low; }));
  EXPECT_EQ(deliver(mail(), "hello").error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(peer_.calls(), 1u);
  env_.set_space(space.total_bytes);
}

TEST_F(RemoteMailStoreTest, StoppingEndsWhatIsTried) {
  map_.set(NodeId{0});
  std::thread stopper([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    store_->stop();
  });
  EXPECT_EQ(deliver(mail(), "hello").error().code, ErrorCode::kClosed);
  stopper.join();
}

TEST_F(RemoteMailStoreTest, AnAbortedUploadIsForgotten) {
  const Uuid upload{std::byte{5}};
  ASSERT_TRUE(await(mail().stage(kOne, upload, 0, share("chunk"))));
  mail().abort_upload(kOne, upload);
  ASSERT_TRUE(soon([&] { return peer_.calls() == 2; }));
  storage::MailTxn txn;
  storage::AddMessage message;
  message.targets.push_back({kAnn, MailboxId{0}});
  message.content.upload = upload;
  message.content.chunks = 1;
  message.content.size = 5;
  txn.commands.push_back(message);
  ASSERT_TRUE(soon([&] {
    txn.op = mail().new_op();
    const auto outcome = await(mail().submit(kOne, txn));
    return outcome && outcome->error;
  }));
}

TEST_F(RemoteMailStoreTest, ServingNonsenseAnswersWithAnError) {
  for (const std::string& request :
       {std::string(), std::string("\1nonsense"), std::string(5000, '\0')}) {
    const auto answer = await(server_->serve(kHere, request));
    ASSERT_TRUE(answer);
    EXPECT_EQ(decode_answer(*answer).error().code, ErrorCode::kCorrupt);
  }
  const auto watch = encode(Request{kOne, WatchRequest{1, 1, 0, {}, {}, 0}});
  EXPECT_EQ(decode_answer(*await(serve_mail(there(), watch))).error().code,
            ErrorCode::kUnsupported);
}

TEST_F(RemoteMailStoreTest, TheDirectoryIsChangedFromAnotherNodeOnceAndReadHere) {
  RemoteDirectoryStore directory(kHere, node_->directory(), map_, peer_, route_);
  const auto random = std::make_shared<std::mt19937>(5);
  peer_.set_plan([random](NodeId, unsigned) { return static_cast<Fault>((*random)() % 8); });
  for (int i = 0; i < 10; ++i) {
    storage::DirectoryTxn txn;
    txn.op = directory.new_op();
    const std::string name = "d" + std::to_string(i) + ".test";
    txn.commands.push_back(storage::AddDomain{name});
    const auto outcome = await(directory.submit(txn));
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    EXPECT_FALSE(outcome->error) << to_string(*outcome->error);  // kAlreadyExists, if it was twice
    EXPECT_GT(directory.version(), outcome->lsn.value);
    const auto found = await(directory.read<storage::DomainRecord>(
        [&](const storage::DirectoryReader& reader) { return reader.domain(name); }));
    EXPECT_TRUE(found);
  }
  peer_.set_plan({});
  storage::DirectoryTxn twice;
  twice.op = directory.new_op();
  twice.commands.push_back(storage::AddDomain{"d0.test"});
  const auto refused = await(directory.submit(twice));
  ASSERT_TRUE(refused && refused->error);
  EXPECT_EQ(refused->error->code, ErrorCode::kAlreadyExists);
}

}  // namespace
}  // namespace everpost::cluster
