#include "cluster/shard/watchers.h"

#include <gtest/gtest.h>

namespace everpost::cluster {
namespace {

TEST(Watchers, TellThoseWhoWatchWhatChanged) {
  const auto watchers = std::make_shared<Watchers>();
  int mailbox = 0, account = 0, queue = 0, other = 0;
  auto a = watchers->watch(MailboxId{5}, [&] { ++mailbox; });
  auto b = watchers->watch(AccountId{5}, [&] { ++account; });
  auto c = watchers->watch_queue([&] { ++queue; });
  auto d = watchers->watch(MailboxId{6}, [&] { ++other; });
  const MailboxId mailboxes[] = {MailboxId{5}};
  const AccountId accounts[] = {AccountId{5}};
  watchers->notify(mailboxes, {}, false);
  EXPECT_EQ(std::tuple(mailbox, account, queue, other), std::tuple(1, 0, 0, 0));
  watchers->notify({}, accounts, true);
  EXPECT_EQ(std::tuple(mailbox, account, queue, other), std::tuple(1, 1, 1, 0));
}

TEST(Watchers, ForgetAWatchThatIsGone) {
  const auto watchers = std::make_shared<Watchers>();
  int first = 0, second = 0;
  auto a = watchers->watch(MailboxId{5}, [&] { ++first; });
  auto b = watchers->watch(MailboxId{5}, [&] { ++second; });
  a.reset();
  const MailboxId mailboxes[] = {MailboxId{5}};
  watchers->notify(mailboxes, {}, false);
  EXPECT_EQ(std::pair(first, second), std::pair(0, 1));
}

}  // namespace
}  // namespace everpost::cluster
