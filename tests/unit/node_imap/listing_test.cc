#include "node/imap/commands/listing.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

class ListingTest : public testing::Test {
 protected:
  ListingTest() {
    for (const char* name : {"Archive", "Archive/2023", "Archive/2024", "INBOX", "INBOX/Lists",
                             "Level", "Level/Below", "Sent"}) {
      storage::MailboxInfo mailbox;
      mailbox.id = MailboxId{mailboxes.size() + 1};
      mailbox.name = name;
      mailboxes.push_back(mailbox);
    }
    find("Level").selectable = false;
    find("Sent").special_use = "\\Sent";
  }
  storage::MailboxInfo& find(std::string_view name) {
    return *std::ranges::find(mailboxes, name, &storage::MailboxInfo::name);
  }
  std::string list(const ListCommand& command) {
    std::string text;
    for (const Listed& listed : Listing(mailboxes, subscriptions).list(command))
      append_listed("LIST", listed, text);
    return text;
  }
  std::string list(const char* reference, const char* pattern) {
    ListCommand command;
    command.reference = reference;
    command.patterns = {pattern};
    return list(command);
  }
  std::string lsub(const char* pattern) {
    std::string text;
    for (const Listed& listed : Listing(mailboxes, subscriptions).lsub({"", pattern}))
      append_listed("LSUB", listed, text);
    return text;
  }

  std::vector<storage::MailboxInfo> mailboxes;
  std::vector<std::string> subscriptions = {"INBOX", "Archive/2024", "Gone/Deep"};
};

TEST_F(ListingTest, NamesWhatMatches) {
  EXPECT_EQ(list("", "%"),
            "* LIST (\\HasChildren) \"/\" Archive\r\n"
            "* LIST (\\HasChildren) \"/\" INBOX\r\n"
            "* LIST (\\Noselect \\HasChildren) \"/\" Level\r\n"
            "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n");
  EXPECT_EQ(list("", "inbox"), "* LIST (\\HasChildren) \"/\" INBOX\r\n");
  EXPECT_EQ(list("", "Nothing"), "");
}

TEST_F(ListingTest, PutsTheReferenceInFront) {
  const char* const below =
      "* LIST (\\HasNoChildren) \"/\" Archive/2023\r\n"
      "* LIST (\\HasNoChildren) \"/\" Archive/2024\r\n";
  EXPECT_EQ(list("Archive/", "%"), below);
  EXPECT_EQ(list("", "Archive/*"), below);
  EXPECT_EQ(list("Arch", "ive/202_"), "");
}

TEST_F(ListingTest, NamesAMailboxOnceHoweverManyPatternsMatch) {
  ListCommand command;
  command.patterns = {"Sent", "S*", "*t"};
  EXPECT_EQ(list(command), "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n");
}

TEST_F(ListingTest, NamesSubscriptionsAlsoOfWhatDoesNotExist) {
  ListCommand command;
  command.patterns = {"*"};
  command.only_subscribed = true;
  EXPECT_EQ(list(command),
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" Archive/2024\r\n"
            "* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" Gone/Deep\r\n"
            "* LIST (\\HasChildren \\Subscribed) \"/\" INBOX\r\n");
}

TEST_F(ListingTest, NamesSuperiorsOfSubscriptionsWithRecursiveMatch) {
  ListCommand command;
  command.patterns = {"%"};
  command.only_subscribed = true;
  command.recursive_match = true;
  EXPECT_EQ(list(command),
            "* LIST (\\HasChildren) \"/\" Archive (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
            "* LIST (\\NonExistent \\HasNoChildren) \"/\" Gone (\"CHILDINFO\" "
            "(\"SUBSCRIBED\"))\r\n"
            "* LIST (\\HasChildren \\Subscribed) \"/\" INBOX\r\n");
}

TEST_F(ListingTest, SelectsAndReturnsAsAsked) {
  ListCommand command;
  command.patterns = {"*"};
  command.only_special_use = true;
  EXPECT_EQ(list(command), "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n");
  command.only_special_use = false;
  command.return_subscribed = true;
  command.patterns = {"INBOX", "Sent"};
  EXPECT_EQ(list(command),
            "* LIST (\\HasChildren \\Subscribed) \"/\" INBOX\r\n"
            "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n");
}

TEST_F(ListingTest, LsubShowsLevelsAboveSubscriptionsForPercent) {
  EXPECT_EQ(lsub("*"),
            "* LSUB () \"/\" Archive/2024\r\n"
            "* LSUB () \"/\" Gone/Deep\r\n"
            "* LSUB () \"/\" INBOX\r\n");
  EXPECT_EQ(lsub("%"),
            "* LSUB (\\Noselect) \"/\" Archive\r\n"
            "* LSUB (\\Noselect) \"/\" Gone\r\n"
            "* LSUB () \"/\" INBOX\r\n");
}

}  // namespace
}  // namespace everpost::node::imap
