#include "storage/index/index.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

#include "storage/env/posix_env.h"
#include "storage/index/keys.h"
#include "tests/unit/storage/temp_folder.h"

namespace everpost::storage {
namespace {

class IndexTest : public testing::Test {
 protected:
  IndexTest() { open(); }

  void open() {
    index_.reset();
    auto index = Index::open(env_, folder_ / "index", 1 << 20);
    ASSERT_TRUE(index) << to_string(index.error());
    index_ = *std::move(index);
  }
  void write(const std::map<std::string, std::string>& pairs, std::uint64_t lsn) {
    const auto txn = index_->begin();
    for (const auto& [key, value] : pairs) ASSERT_TRUE(txn->put(key, value));
    ASSERT_TRUE(txn->commit(Lsn{lsn}));
  }
  static std::string scan(const IndexView& view, std::string_view prefix,
                          std::string_view from = {}) {
    std::string seen;
    EXPECT_TRUE(
        view.scan(prefix, from, [&](std::string_view k, std::string_view v) -> Result<bool> {
          seen += std::string(k) + "=" + std::string(v) + " ";
          return true;
        }));
    return seen;
  }

  TempFolder folder_;
  PosixEnv env_;
  std::unique_ptr<Index> index_;
};

TEST_F(IndexTest, ANewOneIsEmptyAtLsn0) {
  EXPECT_EQ(index_->applied(), Lsn{0});
  EXPECT_EQ(index_->digest(), StateDigest{});
}

TEST_F(IndexTest, WhatIsCommittedIsThereAfterReopening) {
  write({{"a", "1"}, {"b", "2"}}, 64);
  const StateDigest digest = index_->digest();
  open();
  EXPECT_EQ(index_->applied(), Lsn{64});
  EXPECT_EQ(index_->digest(), digest);
  EXPECT_EQ(scan(*index_->snapshot(), "a"), "a=1 ");
  EXPECT_EQ(scan(*index_->snapshot(), "b"), "b=2 ");
}

TEST_F(IndexTest, WhatIsNotCommittedNeverWas) {
  {
    const auto txn = index_->begin();
    ASSERT_TRUE(txn->put("a", "1"));
  }
  EXPECT_FALSE(index_->snapshot()->get("a")->has_value());
  EXPECT_EQ(index_->digest(), StateDigest{});
}

TEST_F(IndexTest, ASnapshotDoesNotSeeWhatIsCommittedLater) {
  write({{"a", "1"}}, 64);
  const auto before = index_->snapshot();
  write({{"a", "2"}, {"b", "2"}}, 128);
  EXPECT_EQ(**before->get("a"), "1");
  EXPECT_FALSE(before->get("b")->has_value());
  EXPECT_EQ(**index_->snapshot()->get("a"), "2");
}

TEST_F(IndexTest, ATransactionSeesItsChangesOnTopOfTheIndex) {
  write({{"k/1", "one"}, {"k/3", "three"}, {"k/5", "five"}, {"l/1", "other"}}, 64);
  const auto txn = index_->begin();
  ASSERT_TRUE(txn->put("k/2", "two"));
  ASSERT_TRUE(txn->put("k/3", "THREE"));
  ASSERT_TRUE(txn->remove("k/5"));
  txn->create("k/6", "six");
  EXPECT_EQ(**txn->get("k/3"), "THREE");
  EXPECT_FALSE(txn->get("k/5")->has_value());
  EXPECT_EQ(scan(*txn, "k/"), "k/1=one k/2=two k/3=THREE k/6=six ");
  EXPECT_EQ(scan(*txn, "k/", "k/2"), "k/2=two k/3=THREE k/6=six ");
  EXPECT_EQ(scan(*txn, "k/", "k/7"), "");
  EXPECT_EQ(scan(*txn, "m/"), "");
}

TEST_F(IndexTest, AScanStopsWhenItsVisitorSaysSoOrFails) {
  write({{"k/1", ""}, {"k/2", ""}, {"k/3", ""}}, 64);
  const auto txn = index_->begin();
  int visited = 0;
  ASSERT_TRUE(txn->scan(
      "k/", {}, [&](std::string_view, std::string_view) -> Result<bool> { return ++visited < 2; }));
  EXPECT_EQ(visited, 2);
  const auto failed = txn->scan("k/", {}, [](std::string_view, std::string_view) -> Result<bool> {
    return Error{ErrorCode::kLimit, "enough"};
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kLimit);
}

TEST_F(IndexTest, AScanMayRemoveWhatItVisits) {
  write({{"k/1", "1"}, {"k/2", "2"}, {"k/3", "3"}}, 64);
  const auto txn = index_->begin();
  ASSERT_TRUE(txn->put("k/25", "new"));
  std::string seen;
  ASSERT_TRUE(
      txn->scan("k/", {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
        seen += std::string(key) + " ";
        txn->erase(key, value);
        return true;
      }));
  EXPECT_EQ(seen, "k/1 k/2 k/25 k/3 ");
  EXPECT_EQ(scan(*txn, "k/"), "");
  ASSERT_TRUE(txn->commit(Lsn{128}));
  EXPECT_EQ(index_->digest(), StateDigest{});
}

TEST_F(IndexTest, UndoLeavesWhatWasThereAtTheMark) {
  write({{"a", "1"}, {"b", "1"}}, 64);
  const auto txn = index_->begin();
  ASSERT_TRUE(txn->put("a", "2"));
  ASSERT_TRUE(txn->put("c", "2"));
  txn->mark();
  ASSERT_TRUE(txn->put("a", "3"));
  ASSERT_TRUE(txn->put("a", "4"));
  ASSERT_TRUE(txn->remove("b"));
  ASSERT_TRUE(txn->remove("c"));
  txn->create("d", "3");
  txn->undo_to_mark();
  EXPECT_EQ(scan(*txn, ""), scan(*index_->snapshot(), "Z") + "a=2 b=1 c=2 ");
  ASSERT_TRUE(txn->commit(Lsn{128}));
  EXPECT_EQ(index_->digest(), *index_->recompute_digest());
}

TEST_F(IndexTest, TheDigestDependsOnTheStateAndNotOnTheWayThere) {
  write({{"a", "1"}}, 64);
  write({{"b", "2"}, {"c", "x"}}, 128);
  {
    const auto txn = index_->begin();
    ASSERT_TRUE(txn->remove("c"));
    txn->replace("a", "1", "9");
    ASSERT_TRUE(txn->commit(Lsn{192}));
  }
  const StateDigest here = index_->digest();

  PosixEnv env;
  auto other = *Index::open(env, folder_ / "other", 1 << 20);
  const auto txn = other->begin();
  txn->create("b", "2");
  txn->create("a", "9");
  ASSERT_TRUE(txn->commit(Lsn{64}));
  EXPECT_EQ(other->digest(), here);
}

TEST_F(IndexTest, TheDigestIsTheDocumentedOne) {  // docs/formats/index.md
  write({{"a", "1"}}, 64);
  EXPECT_EQ(to_string(index_->digest()), "3b4d0a4d1e2e6cf49357d80f0c2cb368");
}

TEST_F(IndexTest, TheDigestTellsStatesApart) {
  struct Case {
    const char* name;
    std::map<std::string, std::string> state;
  };
  const Case cases[] = {
      {"another value", {{"a", "2"}}},
      {"another key", {{"b", "1"}}},
      {"a byte moved from key to value", {{"", "a1"}}},
      {"a byte moved from value to key", {{"a1", ""}}},
      {"one more", {{"a", "1"}, {"b", ""}}},
      {"nothing", {}},
  };
  write({{"a", "1"}}, 64);
  int n = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    auto other = *Index::open(env_, folder_ / std::to_string(++n), 1 << 20);
    const auto txn = other->begin();
    for (const auto& [key, value] : c.state) ASSERT_TRUE(txn->put(key, value));
    ASSERT_TRUE(txn->commit(Lsn{64}));
    EXPECT_NE(other->digest(), index_->digest());
  }
}

TEST_F(IndexTest, LocalKeysAreNotInTheDigest) {
  write({{"a", "1"}}, 64);
  const StateDigest digest = index_->digest();
  write({{"L/punched", "here only"}}, 128);
  EXPECT_EQ(index_->digest(), digest);
  EXPECT_EQ(*index_->recompute_digest(), digest);
}

TEST_F(IndexTest, ACheckpointKeepsAppliedAndDigest) {
  write({{"a", "1"}}, 64);
  ASSERT_TRUE(index_->checkpoint());
  const StateDigest digest = index_->digest();
  open();
  EXPECT_EQ(index_->applied(), Lsn{64});
  EXPECT_EQ(index_->digest(), digest);
}

// Random changes, in transactions with and without undo, against a plain map.
TEST_F(IndexTest, BehavesLikeAMap) {
  std::mt19937 random(7);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 60; ++round) {
    const auto txn = index_->begin();
    auto in_txn = model;
    for (int command = 0; command < 10; ++command) {
      txn->mark();
      auto next = in_txn;
      for (int i = 0; i < 5; ++i) {
        const std::string key = "k/" + std::to_string(random() % 40);
        const std::string value = std::to_string(random());
        const auto there = next.find(key);
        switch (random() % 4) {
          case 0:
            ASSERT_TRUE(txn->remove(key));
            next.erase(key);
            break;
          case 1:
            if (there == next.end()) break;
            txn->erase(key, there->second);
            next.erase(there);
            break;
          case 2:
            if (there == next.end())
              txn->create(key, value);
            else
              txn->replace(key, there->second, value);
            next[key] = value;
            break;
          default:
            ASSERT_TRUE(txn->put(key, value));
            next[key] = value;
        }
      }
      if (random() % 3 == 0)
        txn->undo_to_mark();
      else
        in_txn = std::move(next);
    }
    std::map<std::string, std::string> seen;
    ASSERT_TRUE(txn->scan("k/", {}, [&](std::string_view k, std::string_view v) -> Result<bool> {
      seen.emplace(k, v);
      return true;
    }));
    ASSERT_EQ(seen, in_txn);
    if (random() % 4 != 0) {
      ASSERT_TRUE(txn->commit(Lsn{64u * (round + 1)}));
      model = in_txn;
    }
    ASSERT_EQ(index_->digest(), *index_->recompute_digest());
  }
}

TEST(IndexKeys, SortAsTheirNumbersDo) {
  const std::uint32_t numbers[] = {1, 2, 255, 256, 65535, 65536, 4294967295};
  for (std::size_t i = 1; i < std::size(numbers); ++i) {
    EXPECT_LT(keys::message(MailboxId{7}, Uid{numbers[i - 1]}).view(),
              keys::message(MailboxId{7}, Uid{numbers[i]}).view());
    EXPECT_LT(keys::change(MailboxId{7}, ModSeq{numbers[i - 1]}, Uid{9}).view(),
              keys::change(MailboxId{7}, ModSeq{numbers[i]}, Uid{1}).view());
    EXPECT_LT(keys::op({numbers[i - 1], 9, 9}).view(), keys::op({numbers[i], 1, 1}).view());
  }
}

TEST(IndexKeys, AreAsDocumented) {
  struct Case {
    std::string want;
    std::string_view got;
  };
  const keys::Key message = keys::message(MailboxId{0x0102}, Uid{3});
  const keys::Key name = keys::name(AccountId{5}, "Sent");
  const keys::Key op = keys::op({1, 2, 3});
  const keys::Key recipient = keys::recipient(16, 258);
  using namespace std::string_literals;
  const Case cases[] = {
      {"U/\0\0\0\0\0\0\1\2\0\0\0\3"s, message},
      {"N/\0\0\0\0\0\0\0\5Sent"s, name},
      {"D/\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\3"s, op},
      {"OR/\0\0\0\0\0\0\0\x10\1\2"s, recipient},
  };
  for (const Case& c : cases) EXPECT_EQ(c.got, c.want);
}

TEST(IndexKeys, WhatIsBuiltIsParsed) {
  EXPECT_EQ(*keys::parse_op(keys::op({1, 2, 3})), (OpId{1, 2, 3}));
  EXPECT_EQ(*keys::parse_message(keys::message(MailboxId{1}, Uid{77})), Uid{77});
  EXPECT_EQ(keys::parse_change(keys::change(MailboxId{1}, ModSeq{5}, Uid{6}))->modseq, ModSeq{5});
  EXPECT_EQ(keys::parse_change(keys::tombstone(MailboxId{1}, ModSeq{5}, Uid{6}))->uid, Uid{6});
  EXPECT_EQ(*keys::parse_mailbox(keys::dead_mailbox(MailboxId{9})), MailboxId{9});
  EXPECT_EQ(*keys::parse_queued(keys::queued(640)), 640u);
  EXPECT_EQ(*keys::parse_recipient(keys::recipient(640, 65535)), 65535);
  EXPECT_EQ(keys::parse_name(keys::name(AccountId{1}, "a/b")), "a/b");
  EXPECT_FALSE(keys::parse_message("U/short"));
  EXPECT_FALSE(keys::parse_op("D/"));
}

TEST(IndexKeys, ATooLongNameIsCutAndDoesNoHarm) {
  const keys::Key key = keys::name(AccountId{1}, std::string(5000, 'x'));
  EXPECT_EQ(key.view().size(), keys::Key::kBytesMax);
}

}  // namespace
}  // namespace everpost::storage
