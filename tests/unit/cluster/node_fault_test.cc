// A whole node on a disk that dies at any moment (H43): messages for accounts of several shards are
// accepted once, the node crashes wherever, and each recipient gets each message exactly once.
//
//   EVERPOST_SEEDS=1000 test_cluster --gtest_filter='NodeFault*'
//   EVERPOST_SEED=4711 ...      that one alone. Threads take turns as they like, so a seed may take
//                               another course when it is run again.
#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>

#include "base/crc32c.h"
#include "base/log.h"
#include "cluster/node.h"
#include "storage/env/memory_env.h"
#include "tests/unit/cluster/await.h"

namespace everpost::cluster {
namespace {

using storage::MemoryEnv;

constexpr unsigned kShards = 3;
constexpr AccountId kAccounts[] = {AccountId{1}, AccountId{2}};  // in each shard

struct Mail {
  ShardId home;  // accepted there
  std::string text;
  std::vector<std::pair<ShardId, AccountId>> recipients;
  OpId op;
  Uuid upload{};
  bool answered = false;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), env_(seed) {
    EXPECT_TRUE(env_.make_folder("data"));
    EXPECT_TRUE(env_.sync_folder(""));
  }

  Result<void> start() {
    NodeOptions options;
    options.env = &env_;
    options.data_folder = "data";
    options.mail_shards = kShards;
    options.segment_bytes = 5 << 20;
    options.index_cache_bytes = 1 << 20;
    options.failed = [](ShardId, const Error&) {};
    for (;;) {
      auto node = Node::open(options);
      if (node) {
        node_ = *std::move(node);
        return {};
      }
      // Several deaths in a row, each while the same record was applied: it is under suspicion, and
      // the error says what to do.
      constexpr std::string_view kRemove = "then remove ", kStart = " and start";
      const std::string& why = node.error().context;
      const auto at = why.find(kRemove), end = why.find(kStart);
      if (at == why.npos || end == why.npos) return node.error();
      RETURN_IF_ERROR(env_.remove(why.substr(at + kRemove.size(), end - at - kRemove.size())));
    }
  }
  void crash() {
    env_.stop_at(env_.operations() + 1);  // its end writes nothing more
    node_.reset();
    const bool power = random_() % 2 == 0;
    env_.crash(power ? MemoryEnv::Crash::kPower : MemoryEnv::Crash::kProcess,
               static_cast<double>(random_() % 5) / 4);
  }
  void doom() { env_.stop_at(env_.operations() + 1 + random_() % 800); }

  // One more message, and again those that were not answered. False: the disk has died.
  bool work() {
    mails_.push_back(next());
    for (Mail& mail : mails_)
      if (!mail.answered && !send(mail)) return false;
    return true;
  }

  // Waits for the queues to empty, then compares. Empty if all is well.
  std::string check() {
    for (Mail& mail : mails_)
      if (!mail.answered && !send(mail)) return "not accepted by a sound disk";
    for (unsigned n = 1; n <= kShards; ++n) {
      std::size_t left = 1;
      for (int i = 0; i < 2000 && left > 0; ++i) {
        const auto entries = await(node_->mail().queue(ShardId{n}, 0, 10));
        if (!entries) return to_string(entries.error());
        left = entries->size();
        if (left > 0) std::this_thread::sleep_for(std::chrono::milliseconds{5});
      }
      if (left > 0) return "the queue of shard " + std::to_string(n) + " is not served";
    }
    for (unsigned n = 1; n <= kShards; ++n)
      for (const AccountId account : kAccounts) {
        const auto got = inbox(ShardId{n}, account);
        if (!got) return to_string(got.error());
        std::vector<std::string> want;
        for (const Mail& mail : mails_)
          if (std::ranges::find(mail.recipients, std::pair{ShardId{n}, account}) !=
              mail.recipients.end())
            want.push_back(mail.text);
        std::ranges::sort(want);
        if (*got != want)
          return "shard " + std::to_string(n) + " account " + to_string(account) + " has " +
                 std::to_string(got->size()) + " messages, not the " + std::to_string(want.size()) +
                 " sent";
      }
    return "";
  }

  std::mt19937_64& random() { return random_; }

 private:
  Mail next() {
    Mail mail;
    mail.home = ShardId{static_cast<std::uint32_t>(1 + random_() % kShards)};
    const bool large = random_() % 8 == 0;
    mail.text = "message " + std::to_string(mails_.size()) + " ";
    mail.text.resize(large ? 300'000 : 40 + random_() % 2000, 'x');
    for (unsigned n = 1; n <= kShards; ++n)
      for (const AccountId account : kAccounts)
        if (random_() % 2 == 0) mail.recipients.emplace_back(ShardId{n}, account);
    if (mail.recipients.empty()) mail.recipients.emplace_back(mail.home, kAccounts[0]);
    mail.op = node_->mail().new_op();
    store_be(mail.upload.data(), std::uint64_t{mails_.size() + 1});
    return mail;
  }

  // The same operation however often it is called.
  bool send(Mail& mail) {
    storage::NewContent content;
    std::vector<SharedBytes> body;
    content.size = mail.text.size();
    if (mail.text.size() > MailStore::kChunkBytes) {
      content.upload = mail.upload;
      for (std::size_t at = 0; at < mail.text.size(); at += MailStore::kChunkBytes)
        if (!await(node_->mail().stage(mail.home, mail.upload, content.chunks++,
                                       share(mail.text.substr(at, MailStore::kChunkBytes)))))
          return false;
    } else {
      content.own_bytes = static_cast<std::uint32_t>(mail.text.size());
      content.own_crc = crc32c(as_bytes(mail.text));
      body.push_back(share(mail.text));
    }
    storage::MailTxn txn;
    txn.op = mail.op;
    storage::AddMessage add;
    storage::QueueAdd queue;
    add.content = queue.content = content;
    for (const auto& [shard, account] : mail.recipients)
      if (shard == mail.home)
        add.targets.push_back({account, MailboxId{0}});
      else
        queue.recipients.push_back({"somebody@example.test", account, shard, "", ""});
    if (!add.targets.empty()) txn.commands.push_back(std::move(add));
    if (!queue.recipients.empty()) txn.commands.push_back(std::move(queue));
    const auto outcome = await(node_->mail().submit(mail.home, std::move(txn), std::move(body)));
    if (!outcome) return false;
    EXPECT_FALSE(outcome->error) << to_string(*outcome->error);
    return mail.answered = true;
  }

  Result<std::vector<std::string>> inbox(ShardId shard, AccountId account) {
    MailStore& mail = node_->mail();
    std::vector<std::string> texts;
    const auto box = await(mail.find_mailbox(shard, account, "INBOX"));
    if (!box && box.error().code == ErrorCode::kNotFound) return texts;  // no mail yet
    if (!box) return box.error();
    storage::UidSet all;
    all.add(Uid{1}, Uid{UINT32_MAX});
    ASSIGN_OR_RETURN(const auto messages, await(mail.messages(shard, box->id, all, 1000)));
    for (const auto& message : messages) {
      ASSIGN_OR_RETURN(auto text, await(mail.read(shard, {ByteRange{message.content}})));
      texts.push_back(std::move(text[0]));
    }
    std::ranges::sort(texts);
    return texts;
  }

  std::mt19937_64 random_;
  MemoryEnv env_;
  std::unique_ptr<Node> node_;
  std::vector<Mail> mails_;
};

std::string run(std::uint64_t seed) {
  World world(seed);
  for (auto lives = 2 + world.random()() % 3; lives > 0; --lives) {
    world.doom();
    if (world.start())
      for (auto steps = 1 + world.random()() % 15; steps > 0 && world.work(); --steps) {
      }
    world.crash();
  }
  if (const auto started = world.start(); !started) return to_string(started.error());
  return world.check();
}

TEST(NodeFault, EachRecipientGetsEachMessageExactlyOnceWhereverItCrashes) {
  log::open(log::Level::kError, "/dev/null");
  const auto number = [](const char* variable, std::uint64_t otherwise) -> std::uint64_t {
    const char* text = std::getenv(variable);
    return text ? std::stoull(text) : otherwise;
  };
  const std::uint64_t only = number("EVERPOST_SEED", 0);
  const std::uint64_t last = only ? only : number("EVERPOST_SEEDS", 10);
  for (std::uint64_t seed = only ? only : 1; seed <= last; ++seed)
    ASSERT_EQ(run(seed), "") << "again with EVERPOST_SEED=" << seed;
}

}  // namespace
}  // namespace everpost::cluster
