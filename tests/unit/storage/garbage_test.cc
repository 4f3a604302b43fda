// Garbage collection on a whole replica: what is deleted is given back when the rule allows it, and
// not before; nothing that is alive goes, whatever happens meanwhile.
#include "storage/replica/garbage.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/log.h"
#include "storage/env/posix_env.h"
#include "storage/replica/replica.h"
#include "tests/unit/storage/mail_model.h"
#include "tests/unit/storage/replica_driver.h"
#include "tests/unit/storage/temp_folder.h"

namespace everpost::storage {
namespace {

using Crash = MemoryEnv::Crash;
using Operation = MailModel::Operation;

constexpr AccountId kAnna{1};
constexpr std::size_t kBytes = 20'000;

bool go_on(std::uint64_t, std::uint64_t) { return true; }

ReplicaOptions options(Micros window = {}) {
  ReplicaOptions options = ReplicaDriver::options();
  options.undelete_window = window;
  return options;
}

std::string text(char letter) {
  return "Subject: " + std::string(1, letter) + "\r\n\r\n" + std::string(kBytes, letter);
}

class GarbageTest : public testing::Test {
 public:
  GarbageTest() {
    log::open(log::Level::kError, "/dev/null");
    start();
  }
  void start(Micros window = {}) {
    driver_.emplace(env_, options(window));
    const auto led = driver_->lead();
    ASSERT_TRUE(led) << to_string(led.error());
  }
  void deliver(char letter) {
    ASSERT_TRUE(driver_->commit({driver_->delivery(kAnna, text(letter))}));
    sent_.push_back(letter);
  }
  void fill(std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) deliver(static_cast<char>('a' + sent_.size()));
  }
  MailboxId inbox() {
    return driver_->replica->mail_reader().value()->find_mailbox(kAnna, "INBOX").value().id;
  }
  void run(MailCommand command) {
    const auto done =
        driver_->commit({driver_->record(MailTxn{driver_->new_op(), kAnna, {std::move(command)}})});
    ASSERT_TRUE(done) << to_string(done.error());
    const auto& outcome = std::get<MailOutcome>(done->at(0).outcome);
    ASSERT_FALSE(outcome.error) << to_string(*outcome.error);
  }
  void expunge(std::initializer_list<std::uint32_t> numbers) {
    UidSet uids;
    for (const std::uint32_t uid : numbers) uids.add(Uid{uid});
    run(Expunge{inbox(), uids, false});
  }
  GarbageRound collect(Micros now = {}) {
    const auto round = driver_->replica->collect_garbage(now, go_on);
    EXPECT_TRUE(round) << to_string(round.error());
    return round.value_or(GarbageRound{});
  }
  GarbageRound checkpoint_and_collect(Micros now = {}) {
    EXPECT_TRUE(driver_->replica->checkpoint());
    return collect(now);
  }
  void expect_inbox(const std::string& letters) {
    const auto found = driver_->inbox(kAnna);
    ASSERT_TRUE(found) << to_string(found.error());
    std::vector<std::string> want;
    for (const char letter : letters) want.push_back(text(letter));
    EXPECT_EQ(*found, want);
    const auto findings = driver_->replica->verify();
    ASSERT_TRUE(findings) << to_string(findings.error());
    EXPECT_TRUE(findings->empty()) << findings->front();
  }

 protected:
  MemoryEnv env_;
  std::optional<ReplicaDriver> driver_;
  std::vector<char> sent_;
};

TEST_F(GarbageTest, GivesBackWhatWasDeleted) {
  fill(14);
  expunge({2, 3, 5});
  const std::string digest = driver_->replica->digest();
  // The index has to have it for good.
  EXPECT_EQ(collect().punches, 0u);
  const GarbageRound round = checkpoint_and_collect();
  EXPECT_EQ(round.bodies, 3u);
  EXPECT_EQ(round.punches, 3u);
  EXPECT_GT(round.bytes, 3 * (kBytes - 8192));
  EXPECT_EQ(round.waiting_bodies, 0u);
  EXPECT_EQ(driver_->replica->log().stats().punched_bytes, round.bytes);
  EXPECT_EQ(driver_->replica->digest(), digest);
  expect_inbox("adfghijklmn");
  EXPECT_EQ(collect().bodies, 0u);

  // Closed and opened it is the same, and the hint says where to go on.
  ASSERT_TRUE(driver_->replica->close());
  start();
  expect_inbox("adfghijklmn");
  EXPECT_EQ(checkpoint_and_collect().bodies, 0u);
  // Without the hint everything is looked at, and nothing done twice.
  driver_->replica.reset();
  ASSERT_TRUE(env_.remove("shard-0007/gc"));
  start();
  const GarbageRound again = checkpoint_and_collect();
  EXPECT_EQ(again.bodies, 3u);
  EXPECT_EQ(again.punches, 0u);
}

TEST_F(GarbageTest, WaitsForTheUndeleteWindow) {
  driver_->replica.reset();
  start(std::chrono::microseconds{4});  // a group of the driver is a microsecond of log time
  fill(14);
  expunge({1});
  GarbageRound round = checkpoint_and_collect();
  EXPECT_EQ(round.bodies, 0u);
  EXPECT_EQ(round.waiting_bodies, 1u);
  EXPECT_EQ(round.waiting_bytes, text('a').size());
  fill(3);
  EXPECT_EQ(checkpoint_and_collect().bodies, 0u);
  fill(1);
  EXPECT_EQ(checkpoint_and_collect().bodies, 1u);
}

TEST_F(GarbageTest, WaitsForReadersAndCopies) {
  fill(14);
  auto reader = driver_->replica->mail_reader();
  const Lsn then = driver_->replica->applied();
  expunge({1});
  EXPECT_EQ(checkpoint_and_collect().bodies, 0u);
  Pins& pins = driver_->replica->pins();
  const auto lease = pins.lease(then, Lsn{}, Micros{100});
  reader = driver_->replica->mail_reader();  // one that does not know the message any more
  EXPECT_EQ(collect(Micros{50}).bodies, 0u);
  EXPECT_TRUE(pins.extend(lease, Micros{200}, Micros{50}));
  EXPECT_EQ(collect(Micros{150}).bodies, 0u);
  EXPECT_EQ(pins.oldest(Micros{150}).log_from, Lsn{});
  EXPECT_EQ(collect(Micros{201}).bodies, 1u);
  EXPECT_FALSE(pins.extend(lease, Micros{300}, Micros{201}));
  expect_inbox("bcdefghijklmn");
}

TEST_F(GarbageTest, WaitsUntilTheSegmentIsComplete) {
  fill(14);
  const std::uint32_t last = 14;
  expunge({last});
  expunge({1});
  GarbageRound round = checkpoint_and_collect();
  EXPECT_EQ(round.bodies, 1u);  // the later one does not wait for the earlier one
  EXPECT_EQ(round.waiting_bodies, 1u);
  EXPECT_EQ(collect().bodies, 0u);
  // What was unfinished is found again by the next process.
  driver_->replica.reset();
  start();
  round = checkpoint_and_collect();
  EXPECT_EQ(round.bodies, 2u);
  EXPECT_EQ(round.punches, 1u);  // the new epoch has its own segment
  expect_inbox("bcdefghijklm");
}

TEST_F(GarbageTest, ACopyKeepsTheBody) {
  fill(14);
  run(CreateMailbox{kAnna, "Kept", ""});
  const auto kept = driver_->replica->mail_reader().value()->find_mailbox(kAnna, "Kept").value().id;
  UidSet first;
  first.add(Uid{1});
  run(CopyMessages{inbox(), first, kept, false});
  expunge({1});
  EXPECT_EQ(checkpoint_and_collect().bodies, 0u);
  EXPECT_EQ(driver_->messages(kept).value(), std::vector{text('a')});
  run(Expunge{kept, first, false});
  EXPECT_EQ(checkpoint_and_collect().bodies, 1u);
}

TEST_F(GarbageTest, TheIndexIsMadeAnewFromAPunchedLog) {
  fill(14);
  expunge({1, 2, 3});
  fill(2);
  EXPECT_EQ(checkpoint_and_collect().punches, 3u);
  const CheckpointMark before = driver_->replica->mark();
  ASSERT_TRUE(driver_->commit({driver_->mark(before)}));  // which the rebuilt one is compared with
  ASSERT_TRUE(driver_->replica->close());
  driver_->replica.reset();
  for (const std::string& name : *env_.list("shard-0007/index"))
    ASSERT_TRUE(env_.remove("shard-0007/index/" + name));
  start();
  EXPECT_TRUE(driver_->recovery.index_rebuilt || driver_->recovery.replayed > 14);
  expect_inbox("defghijklmnop");
}

TEST_F(GarbageTest, AnIndexIsNotMadeAnewFromALogThatBeginsLater) {
  fill(14);
  ASSERT_TRUE(driver_->replica->checkpoint());
  ASSERT_TRUE(driver_->replica->log().drop_before(driver_->replica->log().sealed_end()));
  ASSERT_TRUE(driver_->replica->close());
  driver_->replica.reset();
  start();  // with its index it opens
  driver_->replica.reset();
  for (const std::string& name : *env_.list("shard-0007/index"))
    ASSERT_TRUE(env_.remove("shard-0007/index/" + name));
  const auto led = driver_->lead();
  ASSERT_FALSE(led);
  EXPECT_EQ(led.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(led.error().context.find("begins"), std::string::npos) << led.error().context;
}

TEST_F(GarbageTest, GivesBackBlocksOfARealDisk) {
  const TempFolder folder;
  PosixEnv env;
  ReplicaOptions on_disk = options();
  on_disk.folder = folder / "shard-0007";
  ReplicaDriver driver(env, on_disk);
  ASSERT_TRUE(driver.lead());
  std::vector<NewRecord> none;
  for (char letter = 'a'; letter < 'a' + 14; ++letter)
    ASSERT_TRUE(driver.commit({driver.delivery(kAnna, text(letter))}));
  const auto blocks = [&] {
    std::uint64_t sum = 0;
    for (const std::string& name : *env.list(on_disk.folder + "/log")) {
      struct stat status{};
      if (name.ends_with(".seg") && ::stat((on_disk.folder + "/log/" + name).c_str(), &status) == 0)
        sum += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    return sum;
  };
  const std::uint64_t before = blocks();
  const auto box = driver.replica->mail_reader().value()->find_mailbox(kAnna, "INBOX").value().id;
  UidSet uids;
  uids.add(Uid{1}, Uid{8});
  ASSERT_TRUE(
      driver.commit({driver.record(MailTxn{driver.new_op(), kAnna, {Expunge{box, uids, false}}})}));
  ASSERT_TRUE(driver.replica->checkpoint());
  const auto round = driver.replica->collect_garbage({}, go_on);
  ASSERT_TRUE(round) << to_string(round.error());
  EXPECT_EQ(round->punches, 8u);
  EXPECT_LE(blocks() + round->bytes, before + 4096);
  EXPECT_EQ(driver.inbox(kAnna).value().size(), 6u);
  EXPECT_TRUE(driver.replica->verify().value().empty());
}

// Random deliveries, copies and deletions with collections and crashes among them: what was
// acknowledged and not deleted is there, byte for byte; the state is what the log says.
std::string live_bodies_survive(std::uint64_t seed, std::uint64_t& punched) {
  MailModel::Random random(seed);
  MemoryEnv env(seed);
  ReplicaOptions small = options(std::chrono::microseconds{random() % 20});
  small.segment_bytes = 96 << 10;
  ReplicaDriver driver(env, small);
  MailModel model(ReplicaDriver::kHour, 2);
  std::vector<Operation> pending;
  std::optional<Error> error;

  const auto commit = [&](const std::vector<Operation>& group) -> Result<std::string> {
    std::vector<NewRecord> records;
    for (const Operation& one : group)
      records.insert(records.end(), one.records.begin(), one.records.end());
    auto applied = driver.commit(records);
    if (!applied) {
      pending = group;
      return applied.error();
    }
    std::size_t at = 0;
    for (const Operation& one : group) {
      at += one.records.size();
      const auto* outcome = std::get_if<MailOutcome>(&(*applied)[at - 1].outcome);
      if (!outcome) return std::string("an operation without an outcome");
      if (auto wrong = model.acknowledge(one, *outcome); !wrong.empty()) return wrong;
    }
    return std::string();
  };
  const auto life = [&]() -> Result<std::string> {
    RETURN_IF_ERROR(driver.lead());
    ASSIGN_OR_RETURN(std::string wrong, commit(std::exchange(pending, {})));
    for (auto steps = 4 + random() % 12; wrong.empty() && steps > 0; --steps) {
      const auto kind = random() % 8;
      if (kind == 0) RETURN_IF_ERROR(driver.replica->checkpoint());
      if (kind <= 2) {
        auto rest = random() % 20;
        ASSIGN_OR_RETURN(const GarbageRound round,
                         driver.replica->collect_garbage(
                             {}, [&](std::uint64_t, std::uint64_t) { return rest-- > 0; }));
        punched += round.punches;
      } else {
        std::vector<Operation> group;
        for (auto n = 1 + random() % 3; n > 0; --n) group.push_back(model.next(random));
        ASSIGN_OR_RETURN(wrong, commit(group));
      }
    }
    if (!wrong.empty()) return wrong;
    std::size_t corrupt = 0;
    ASSIGN_OR_RETURN(const auto reader, driver.replica->mail_reader());
    ASSIGN_OR_RETURN(wrong, model.check(*reader, driver.replica->log(), corrupt));
    if (corrupt > 0) return std::string("a live body is gone");
    return wrong;
  };
  for (auto lives = 2 + random() % 5; lives > 0; --lives) {
    const bool doomed = lives > 1 && random() % 2 == 0;
    if (doomed) env.stop_at(env.operations() + 1 + random() % 700);
    auto lived = life();
    if (!lived && !doomed) {
      // Several deaths in a row while one record was applied: it is under suspicion (H48).
      if (lived.error().context.find("remove shard-0007/applying") == std::string::npos)
        return to_string(lived.error());
      driver.replica.reset();
      if (!env.remove("shard-0007/applying")) return "applying cannot be removed";
      lived = life();
      if (!lived) return to_string(lived.error());
    }
    if (lived && !lived->empty()) return *lived;
    const bool power = random() % 2 == 0;
    env.stop_at(env.operations() + 1);
    driver.replica.reset();
    env.crash(power ? Crash::kPower : Crash::kProcess, static_cast<double>(random() % 5) / 4);
    if (power) driver.reboot();
    if (lives == 1) {
      lived = life();
      if (!lived && lived.error().context.find("remove shard-0007/applying") != std::string::npos)
        return "";
      if (!lived) return to_string(lived.error());
      if (!lived->empty()) return *lived;
      const auto findings = driver.replica->verify();
      if (!findings) return to_string(findings.error());
      if (!findings->empty()) return findings->front();
    }
  }
  return "";
}

TEST(GarbageProperty, LiveBodiesSurvive) {
  log::open(log::Level::kError, "/dev/null");
  const char* only = std::getenv("EVERPOST_SEED");
  const char* many = std::getenv("EVERPOST_SEEDS");
  const std::uint64_t first = only ? std::stoull(only) : 1;
  const std::uint64_t last = only ? first : many ? std::stoull(many) : 500;
  std::uint64_t punched = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed)
    ASSERT_EQ(live_bodies_survive(seed, punched), "") << "again with EVERPOST_SEED=" << seed;
  if (last > first) EXPECT_GT(punched, last - first);
}

}  // namespace
}  // namespace everpost::storage
