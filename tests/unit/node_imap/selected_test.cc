// What the client is told of changes, and in which order.
#include "node/imap/session/selected.h"

#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

constexpr Telling kAll{.expunges = true, .modseq = false};
constexpr Telling kNoExpunges{.expunges = false, .modseq = false};
constexpr Telling kWithModSeq{.expunges = true, .modseq = true};

class SelectedTest : public testing::Test {
 protected:
  SelectedTest() {
    selected.view = View({Uid{1}, Uid{2}, Uid{5}, Uid{7}});
    selected.uid_next = Uid{8};
    selected.first_recent = Uid{7};
    selected.modseq = ModSeq{10};
    changes.mailbox.uid_next = Uid{8};
    changes.mailbox.highest_modseq = ModSeq{10};
    changes.mailbox.messages = 4;
  }
  void change(std::uint32_t uid, std::uint16_t flags, std::uint64_t modseq) {
    storage::MessageInfo message;
    message.uid = Uid{uid};
    message.flags.system = flags;
    message.modseq = ModSeq{modseq};
    changes.changed.push_back(message);
    note(modseq);
  }
  void arrive(std::uint32_t uid, std::uint64_t modseq) {
    change(uid, 0, modseq);
    changes.mailbox.uid_next = Uid{uid + 1};
    ++changes.mailbox.messages;
  }
  void vanish(std::uint32_t uid, std::uint64_t modseq) {
    changes.vanished.add(Uid{uid});
    --changes.mailbox.messages;
    note(modseq);
  }
  void note(std::uint64_t modseq) {
    changes.mailbox.highest_modseq = std::max(changes.mailbox.highest_modseq, ModSeq{modseq});
  }
  std::string tell(Telling telling) {
    std::string out;
    const std::uint32_t size_before = selected.view.size();
    take_in(selected, changes, out);
    tell_messages(selected, changes.changed, telling, out);
    complete = finish_telling(selected, changes.mailbox, size_before, telling, out);
    changes.changed.clear();
    changes.vanished = {};
    return out;
  }

  Selected selected;
  storage::MailboxChanges changes;
  bool complete = false;
};

TEST_F(SelectedTest, NothingChangedIsNothingTold) {
  EXPECT_EQ(tell(kAll), "");
  EXPECT_TRUE(complete);
}

TEST_F(SelectedTest, FlagsComeBeforeExpungesAndArrivalsLast) {
  change(5, storage::kSeen, 11);
  vanish(2, 12);
  arrive(9, 13);
  EXPECT_EQ(tell(kAll),
            "* 3 FETCH (UID 5 FLAGS (\\Seen))\r\n"
            "* 2 EXPUNGE\r\n"
            "* 4 EXISTS\r\n"
            "* 2 RECENT\r\n");
  EXPECT_TRUE(complete);
  EXPECT_EQ(selected.modseq, ModSeq{13});
  EXPECT_EQ(selected.uid_next, Uid{10});
}

TEST_F(SelectedTest, ExpungesWaitAndKeepTheNumbersMeanwhile) {
  vanish(2, 11);
  arrive(9, 12);
  EXPECT_EQ(tell(kNoExpunges), "* 5 EXISTS\r\n* 2 RECENT\r\n");
  EXPECT_TRUE(complete);
  EXPECT_EQ(selected.view.seq_of(Uid{9}), 5u);
  vanish(7, 13);
  change(9, storage::kFlagged, 14);
  EXPECT_EQ(tell(kAll),
            "* 5 FETCH (UID 9 FLAGS (\\Flagged \\Recent))\r\n"
            "* 4 EXPUNGE\r\n"
            "* 2 EXPUNGE\r\n");
  EXPECT_TRUE(complete);
}

TEST_F(SelectedTest, AMessageThatWaitsToBeExpungedIsNotTalkedAbout) {
  vanish(2, 11);
  EXPECT_EQ(tell(kNoExpunges), "");
  selected.vanished.add(Uid{5});
  change(5, storage::kSeen, 12);
  EXPECT_EQ(tell(kNoExpunges), "");
}

TEST_F(SelectedTest, ModSeqIsToldToThoseWhoKnowIt) {
  change(1, 0, 11);
  EXPECT_EQ(tell(kWithModSeq), "* 1 FETCH (UID 1 FLAGS () MODSEQ (11))\r\n");
}

TEST_F(SelectedTest, OwnChangesAreNotTold) {
  change(1, storage::kSeen, 11);
  change(5, storage::kSeen, 11);
  change(7, storage::kSeen, 12);  // changed again, by somebody else
  selected.own_changes.push_back({ModSeq{11}, storage::UidSet::of({Uid{1}, Uid{5}, Uid{7}})});
  EXPECT_EQ(tell(kAll), "* 4 FETCH (UID 7 FLAGS (\\Seen \\Recent))\r\n");
  EXPECT_TRUE(selected.own_changes.empty());
}

TEST_F(SelectedTest, OfAQuietStoreOnlyTheModSeqIsTold) {
  change(1, storage::kSeen, 11);
  selected.own_changes.push_back({ModSeq{11}, storage::UidSet::of({Uid{1}}), true});
  EXPECT_EQ(tell(kWithModSeq), "* 1 FETCH (UID 1 MODSEQ (11))\r\n");
  change(1, 0, 12);
  selected.own_changes.push_back({ModSeq{12}, storage::UidSet::of({Uid{1}}), true});
  EXPECT_EQ(tell(kAll), "");
}

TEST_F(SelectedTest, NewKeywordsAreAnnouncedBeforeTheyAreUsed) {
  changes.mailbox.keywords = {"$a"};
  change(1, 0, 11);
  changes.changed[0].flags.keywords = {"$a"};
  EXPECT_EQ(tell(kAll),
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $a)\r\n"
            "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $a \\*)] Flags "
            "are kept\r\n"
            "* 1 FETCH (UID 1 FLAGS ($a))\r\n");
}

TEST_F(SelectedTest, NewKeywordsAreOfferedWhileThereIsRoom) {
  std::vector<std::string> keywords(storage::MailLimits::keywords - 1, "$k");
  std::string out;
  append_flag_responses(keywords, false, out);
  EXPECT_TRUE(out.contains(" \\*)] Flags are kept")) << out;
  keywords.emplace_back("$last");
  out.clear();
  append_flag_responses(keywords, false, out);
  EXPECT_TRUE(out.contains(" $last)] Flags are kept")) << out;
}

TEST_F(SelectedTest, WhatCameAndWentUnseenIsNotTold) {
  changes.vanished.add(Uid{8});
  changes.mailbox.uid_next = Uid{9};
  note(12);
  EXPECT_EQ(tell(kAll), "");
  EXPECT_TRUE(complete);
}

TEST_F(SelectedTest, ForgottenExpungesAreFoundByCountingAndComparing) {
  changes.mailbox.messages = 2;  // two are gone that nobody remembers
  EXPECT_EQ(tell(kAll), "");
  EXPECT_FALSE(complete);
  std::string out;
  rebuild(selected, {Uid{2}, Uid{7}, Uid{8}}, kAll, out);
  EXPECT_EQ(out, "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 2 RECENT\r\n");
  EXPECT_EQ(selected.uid_next, Uid{9});
  EXPECT_EQ(selected.view.all(), storage::UidSet::of({Uid{2}, Uid{7}, Uid{8}}));
}

}  // namespace
}  // namespace everpost::node::imap
