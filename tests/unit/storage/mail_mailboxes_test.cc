// Names, hierarchy, accounts: CREATE, RENAME, DELETE, SUBSCRIBE and what an account begins with.
#include "storage/index/keys.h"
#include "storage/machine/mail/mailbox_name.h"
#include "storage/machine/mail/purge.h"
#include "tests/unit/storage/mail_shard.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAnn{1};
using Names = std::vector<std::string>;

class MailMailboxes : public testing::Test {
 protected:
  MailMailboxes() { shard_.must<Done>(CreateAccount{kAnn, 1000}); }

  // The account's names beyond those it began with; those that cannot be selected in brackets.
  Names extra() {
    Names names;
    const auto all = shard_.reader()->mailboxes(kAnn);
    EXPECT_TRUE(all);
    for (const MailboxInfo& one : *all)
      if (one.special_use.empty() && one.name != "INBOX")
        names.push_back(one.selectable ? one.name : "[" + one.name + "]");
    return names;
  }
  void rename(std::string from, std::string to) {
    shard_.must<Done>(RenameMailbox{kAnn, std::move(from), std::move(to)});
  }
  void remove(std::string name) { shard_.must<Done>(DeleteMailbox{kAnn, std::move(name)}); }

  MailShard shard_;
};

TEST_F(MailMailboxes, AnAccountBeginsWithInboxAndSpecialUses) {  // RFC 6154
  const std::map<std::string, std::string> want = {
      {"INBOX", ""},      {"Drafts", "\\Drafts"}, {"Sent", "\\Sent"},
      {"Junk", "\\Junk"}, {"Trash", "\\Trash"},   {"Archive", "\\Archive"},
  };
  std::map<std::string, std::string> got;
  std::set<std::uint32_t> validities;
  for (const MailboxInfo& one : *shard_.reader()->mailboxes(kAnn)) {
    got[one.name] = one.special_use;
    EXPECT_TRUE(one.selectable);
    EXPECT_GE(one.highest_modseq, ModSeq{1});
    EXPECT_EQ(one.uid_next, Uid{1});
    validities.insert(one.uid_validity.value);
  }
  EXPECT_EQ(got, want);
  EXPECT_EQ(validities.size(), 6u);
  EXPECT_EQ(shard_.reader()->account(kAnn)->quota_bytes, 1000u);
}

TEST_F(MailMailboxes, CreatingAnAccountAgainChangesNothing) {
  shard_.create(kAnn, "work");
  shard_.must<Done>(CreateAccount{kAnn, 5});
  EXPECT_EQ(extra(), Names{"work"});
  EXPECT_EQ(shard_.reader()->account(kAnn)->quota_bytes, 1000u);
}

TEST_F(MailMailboxes, CreateMakesMissingSuperiors) {  // RFC 3501 §6.3.3
  shard_.create(kAnn, "a/b/c");
  EXPECT_EQ(extra(), (Names{"a", "a/b", "a/b/c"}));
  EXPECT_EQ(shard_.last.accounts, (std::vector<AccountId>{kAnn, kAnn, kAnn}));
  EXPECT_EQ(shard_.refusal(CreateMailbox{kAnn, "a/b", ""}), ErrorCode::kAlreadyExists);
}

TEST_F(MailMailboxes, ANewMailboxHasAUidValidityOfItsOwn) {  // H39
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 3; ++i) {
    shard_.create(kAnn, "work");
    EXPECT_TRUE(seen.insert(shard_.mailbox(kAnn, "work").uid_validity.value).second);
    remove("work");
  }
  EXPECT_GE(*seen.begin(), MailShard::kStart.micros / 1'000'000);
}

TEST_F(MailMailboxes, UidValidityGrowsEvenIfTheClockGoesBack) {
  const UidValidity before = shard_.mailbox(kAnn, "INBOX").uid_validity;
  shard_.time = {1};
  shard_.run(MailTxn{OpId{0, 0, 1}, kAnn, {CreateMailbox{kAnn, "work", ""}}});
  EXPECT_GT(shard_.mailbox(kAnn, "work").uid_validity, before);
}

TEST_F(MailMailboxes, SpecialUses) {
  EXPECT_EQ(shard_.refusal(CreateMailbox{kAnn, "all", "\\All"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(shard_.refusal(CreateMailbox{kAnn, "x", "Sent"}), ErrorCode::kInvalidArgument);
  shard_.must<CreatedMailbox>(CreateMailbox{kAnn, "more junk", "\\Junk"});
  EXPECT_EQ(shard_.mailbox(kAnn, "more junk").special_use, "\\Junk");
}

TEST(MailboxName, IsChecked) {
  std::string deepest = "1";
  for (int i = 2; i <= 32; ++i) deepest += "/" + std::to_string(i);
  struct Case {
    std::string name;
    std::optional<ErrorCode> want;
  };
  const Case cases[] = {
      {"work", {}},
      {"a/b", {}},
      {"INBOX/a", {}},
      {"inboxes", {}},
      {"a/inbox", {}},
      {"Entw\xC3\xBCrfe \xE2\x82\xAC \xF0\x9F\x93\xA7", {}},
      {"with \"quotes\" * % \\ & ~", {}},
      {std::string(1000, 'x'), {}},
      {deepest, {}},
      {"", ErrorCode::kInvalidArgument},
      {"/a", ErrorCode::kInvalidArgument},
      {"a/", ErrorCode::kInvalidArgument},
      {"a//b", ErrorCode::kInvalidArgument},
      {"/", ErrorCode::kInvalidArgument},
      {"inbox", ErrorCode::kInvalidArgument},
      {"Inbox/a", ErrorCode::kInvalidArgument},
      {std::string("a\0b", 3), ErrorCode::kInvalidArgument},
      {"a\nb", ErrorCode::kInvalidArgument},
      {"\x7F", ErrorCode::kInvalidArgument},
      {"\xC2\x85", ErrorCode::kInvalidArgument},      // U+0085, a C1 control
      {"\xE2\x80\xA8", ErrorCode::kInvalidArgument},  // U+2028, line separator
      {"\xFF", ErrorCode::kInvalidArgument},
      {"\xC3", ErrorCode::kInvalidArgument},              // cut off
      {"\xC0\xAF", ErrorCode::kInvalidArgument},          // '/', too long a form
      {"\xE0\x80\xAF", ErrorCode::kInvalidArgument},      // the same
      {"\xED\xA0\x80", ErrorCode::kInvalidArgument},      // a surrogate
      {"\xF4\x90\x80\x80", ErrorCode::kInvalidArgument},  // above U+10FFFF
      {std::string(1001, 'x'), ErrorCode::kLimit},
      {deepest + "/33", ErrorCode::kLimit},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checked = mail::check_name(c.name);
    EXPECT_EQ(checked.has_value(), !c.want.has_value());
    if (!checked && c.want) EXPECT_EQ(checked.error().code, *c.want);
  }
}

TEST_F(MailMailboxes, RenameTakesInferiorsAlong) {  // RFC 3501 §6.3.5
  shard_.create(kAnn, "a/b/c");
  shard_.create(kAnn, "ab");
  const MailboxInfo before = shard_.mailbox(kAnn, "a/b/c");
  rename("a", "x/y");
  EXPECT_EQ(extra(), (Names{"ab", "x", "x/y", "x/y/b", "x/y/b/c"}));
  const MailboxInfo after = shard_.mailbox(kAnn, "x/y/b/c");
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.uid_validity, before.uid_validity);
}

TEST_F(MailMailboxes, WhatCannotBeRenamed) {
  shard_.create(kAnn, "a/b");
  shard_.create(kAnn, "c");
  struct Case {
    std::string from, to;
    ErrorCode want;
  };
  const Case cases[] = {
      {"none", "x", ErrorCode::kNotFound},
      {"a", "c", ErrorCode::kAlreadyExists},
      {"a", "a", ErrorCode::kAlreadyExists},
      {"a", "INBOX", ErrorCode::kAlreadyExists},
      {"a", "a/d", ErrorCode::kInvalidArgument},
      {"a", "a/d/e", ErrorCode::kInvalidArgument},
      {"a", "", ErrorCode::kInvalidArgument},
      {"a", "inbox/x", ErrorCode::kInvalidArgument},
      {"a", std::string(999, 'x'), ErrorCode::kLimit},  // a/b would be too long
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.from + " to " + c.to);
    EXPECT_EQ(shard_.refusal(RenameMailbox{kAnn, c.from, c.to}), c.want);
    EXPECT_EQ(extra(), (Names{"a", "a/b", "c"}));
  }
}

TEST_F(MailMailboxes, RenamingInboxMovesItsMessagesAndLeavesItsInferiors) {  // RFC 3501 §6.3.5
  const MailboxId inbox = shard_.mailbox(kAnn, "INBOX").id;
  shard_.create(kAnn, "INBOX/sub");
  shard_.add(kAnn, inbox, "one", {kSeen, {"work"}});
  shard_.add(kAnn, inbox, "two");
  rename("INBOX", "old/mail");
  EXPECT_EQ(extra(), (Names{"INBOX/sub", "old", "old/mail"}));
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX").id, inbox);
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX").messages, 0u);
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX").uid_next, Uid{3});
  const MailboxInfo moved = shard_.mailbox(kAnn, "old/mail");
  EXPECT_EQ(moved.messages, 2u);
  EXPECT_EQ(shard_.message(moved.id, 1).flags.keywords, Names{"work"});
  rename("INBOX", "INBOX/empty");
  EXPECT_EQ(shard_.mailbox(kAnn, "INBOX/empty").messages, 0u);
}

TEST_F(MailMailboxes, DeleteRemovesMessagesAndFreesTheirSpace) {
  const MailboxId work = shard_.create(kAnn, "work");
  shard_.add(kAnn, work, "0123456789");
  shard_.add(kAnn, work, "0123456789");
  shard_.must<Expunged>(Expunge{work, uid_set({1}), false});
  remove("work");
  EXPECT_EQ(extra(), Names{});
  EXPECT_EQ(shard_.reader()->mailbox(work).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shard_.reader()->uids(work).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shard_.reader()->account(kAnn)->used_bytes, 0u);
  EXPECT_EQ(shard_.reader()->account(kAnn)->messages, 0u);
  for (const char* prefix : {"U/", "Q/", "V/", "G/", "B/", "K/"})
    EXPECT_TRUE(shard_.dump(prefix).empty()) << prefix;
  EXPECT_EQ(shard_.dump("X/").size(), 2u);
}

TEST_F(MailMailboxes, DeletingWhatHasInferiorsLeavesAName) {  // RFC 3501 §6.3.4
  const MailboxId a = shard_.create(kAnn, "a");
  shard_.add(kAnn, a);
  shard_.create(kAnn, "a/b");
  remove("a");
  EXPECT_EQ(extra(), (Names{"[a]", "a/b"}));
  EXPECT_EQ(shard_.mailbox(kAnn, "a").messages, 0u);
  EXPECT_EQ(shard_.reader()->mailbox(a).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(DeleteMailbox{kAnn, "a"}), ErrorCode::kConflict);
  EXPECT_EQ(shard_.refusal(Expunge{shard_.mailbox(kAnn, "a").id, uid_set({1}), false}),
            ErrorCode::kNotFound);
}

TEST_F(MailMailboxes, ANameGoesWithItsLastInferior) {
  shard_.create(kAnn, "a/b/c");
  remove("a");
  remove("a/b");
  EXPECT_EQ(extra(), (Names{"[a]", "[a/b]", "a/b/c"}));
  remove("a/b/c");
  EXPECT_EQ(extra(), Names{});
  shard_.create(kAnn, "a/b");
  remove("a");
  rename("a/b", "b");
  EXPECT_EQ(extra(), Names{"b"});
}

TEST_F(MailMailboxes, ANameCanBecomeAMailboxAgain) {
  shard_.create(kAnn, "a/b");
  const UidValidity before = shard_.mailbox(kAnn, "a").uid_validity;
  remove("a");
  const MailboxId id = shard_.create(kAnn, "a");
  EXPECT_EQ(extra(), (Names{"a", "a/b"}));
  EXPECT_EQ(shard_.mailbox(kAnn, "a").id, id);
  EXPECT_GT(shard_.mailbox(kAnn, "a").uid_validity, before);
}

TEST_F(MailMailboxes, InboxCannotBeDeleted) {
  EXPECT_EQ(shard_.refusal(DeleteMailbox{kAnn, "INBOX"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(shard_.refusal(DeleteMailbox{kAnn, "none"}), ErrorCode::kNotFound);
}

TEST_F(MailMailboxes, AnAccountHasALimitedNumberOfMailboxes) {
  MailTxn txn;
  for (std::size_t n = 6; n < MailLimits::mailboxes; ++n) {
    txn.commands.push_back(CreateMailbox{kAnn, "m" + std::to_string(n), ""});
    if (txn.commands.size() < MailLimits::commands && n + 1 < MailLimits::mailboxes) continue;
    ASSERT_FALSE(shard_.run(txn).error);
    txn.commands.clear();
  }
  EXPECT_EQ(shard_.refusal(CreateMailbox{kAnn, "one more", ""}), ErrorCode::kLimit);
  remove("m7");
  EXPECT_EQ(shard_.refusal(CreateMailbox{kAnn, "with/superior", ""}), ErrorCode::kLimit);
  shard_.create(kAnn, "one more");
}

TEST_F(MailMailboxes, SubscriptionsAreNames) {  // RFC 3501 §6.3.6
  shard_.must<Done>(Subscribe{kAnn, "not/there", true});
  shard_.must<Done>(Subscribe{kAnn, "not/there", true});
  shard_.must<Done>(Subscribe{kAnn, "Junk", false});
  shard_.must<Done>(Subscribe{kAnn, "Junk", false});
  EXPECT_EQ(*shard_.reader()->subscriptions(kAnn),
            (Names{"Archive", "Drafts", "INBOX", "Sent", "Trash", "not/there"}));
  shard_.create(kAnn, "not/there");
  remove("not/there");
  EXPECT_EQ(shard_.reader()->subscriptions(kAnn)->size(), 6u);
  EXPECT_EQ(shard_.refusal(Subscribe{kAnn, "bad//name", true}), ErrorCode::kInvalidArgument);
}

TEST_F(MailMailboxes, CommandsOfAnUnknownAccountAreNotFound) {
  const AccountId nobody{77};
  EXPECT_EQ(shard_.refusal(CreateMailbox{nobody, "a", ""}), ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(RenameMailbox{nobody, "a", "b"}), ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(DeleteMailbox{nobody, "a"}), ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(Subscribe{nobody, "a", true}), ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(SetQuota{nobody, 1}), ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(CreateAccount{AccountId{0}, 1}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(shard_.refusal(DeleteAccount{AccountId{0}}), ErrorCode::kInvalidArgument);
}

TEST_F(MailMailboxes, ADeletedAccountLeavesATombstoneOnly) {
  shard_.add(kAnn, MailboxId{0});
  shard_.create(kAnn, "work");
  shard_.must<Done>(Subscribe{kAnn, "elsewhere", true});
  shard_.must<Done>(DeleteAccount{kAnn});
  shard_.must<Done>(DeleteAccount{kAnn});
  for (const char* prefix : {"M/", "N/", "S/", "U/", "Q/", "V/", "G/", "B/", "K/"})
    EXPECT_TRUE(shard_.dump(prefix).empty()) << prefix;
  EXPECT_EQ(shard_.dump("A/").size(), 1u);
  EXPECT_EQ(shard_.reader()->account(kAnn).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shard_.reader()->mailboxes(kAnn).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(CreateAccount{kAnn, 0}), ErrorCode::kNotFound);
  EXPECT_EQ(shard_.refusal(CreateMailbox{kAnn, "a", ""}), ErrorCode::kNotFound);
}

TEST_F(MailMailboxes, AnAccountDeletedBeforeItsFirstMailStaysDeleted) {
  shard_.must<Done>(DeleteAccount{AccountId{9}});
  EXPECT_EQ(shard_.refusal(CreateAccount{AccountId{9}, 0}), ErrorCode::kNotFound);
}

// Deleting a mailbox takes one record, removing its messages may take more.
TEST_F(MailMailboxes, TheMessagesOfALargeMailboxGoBitByBit) {
  const MailboxId work = shard_.create(kAnn, "work");
  shard_.add(kAnn, work);
  for (std::uint32_t have = 1; have < mail::kRemovalsPerCommand + 1500;) {
    const std::uint32_t more =
        std::min<std::uint32_t>(have, mail::kRemovalsPerCommand + 1500 - have);
    shard_.must<CopiedMessages>(CopyMessages{work, uid_range(1, more), work, false, false});
    have += more;
  }
  remove("work");
  EXPECT_EQ(shard_.reader()->account(kAnn)->messages, 0u);
  EXPECT_EQ(shard_.dump("K/").size(), 1u);
  EXPECT_EQ(shard_.dump("U/").size(), 1500u);
  for (int i = 0; i < 5; ++i) {
    MailTxn txn;
    txn.op = shard_.sweeping_op();
    txn.commands.push_back(SetQuota{kAnn, 0});
    shard_.run(txn);
  }
  EXPECT_EQ(shard_.dump("U/").size(), 1500u - 5 * 256);
  shard_.must<Done>(Expire{0, WallTime{0}});
  for (const char* prefix : {"U/", "Q/", "G/", "B/", "K/"})
    EXPECT_TRUE(shard_.dump(prefix).empty()) << prefix;
  EXPECT_EQ(shard_.index().digest(), *shard_.index().recompute_digest());
}

}  // namespace
}  // namespace everpost::storage
