// Three nodes with real ZooKeeper servers, TLS between them and logs on disk, in one process:
// whoever is asked, mail is kept on all of them, and goes on when one is gone.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "base/crc32c.h"
#include "base/log.h"
#include "cluster/found_cluster.h"
#include "cluster/node.h"
#include "rpc/certificates.h"
#include "storage/env/posix_env.h"
#include "tests/support/ensemble.h"
#include "tests/unit/cluster/await.h"

namespace everpost::cluster {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::uint32_t kNodes = 3;
constexpr unsigned kShards = 3;

class ClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    log::open(log::Level::kWarning, "");
    folder_ = fs::temp_directory_path() / ("everpost-cluster-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    Foundation foundation;
    foundation.zookeeper = ensemble_.addresses();
    for (std::uint32_t n = 1; n <= kNodes; ++n) foundation.nodes.push_back(NodeId{n});
    foundation.mail_shards = kShards;
    const auto id = found_cluster(foundation);
    ASSERT_TRUE(id) << to_string(id.error());
    ASSERT_TRUE(rpc::make_ca(*id, file("ca")));
    for (std::uint32_t n = 1; n <= kNodes; ++n) {
      ASSERT_TRUE(
          rpc::make_node_certificate(file("ca"), NodeId{n}, file("node" + std::to_string(n))));
      fs::create_directories(data(n));
      start(n);
    }
    ASSERT_TRUE(soon(20s, [&] { return in_sync(kNodes); }));
  }
  void TearDown() override {
    for (std::uint32_t n = 1; n <= kNodes; ++n)
      if (nodes_[n - 1]) stop(n);
    fs::remove_all(folder_);
  }

  rpc::CertificateFiles file(const std::string& name) {
    return {folder_ / (name + ".pem"), folder_ / (name + ".key")};
  }
  std::string data(std::uint32_t n) { return folder_ / ("data" + std::to_string(n)); }

  void start(std::uint32_t n) {
    NodeOptions options;
    options.env = &env_;
    options.node = NodeId{n};
    options.data_folder = data(n);
    options.segment_bytes = 8 << 20;
    options.index_cache_bytes = 1 << 20;
    options.min_free_percent = 0;
    options.seed_log_bytes = seed_log_bytes_;
    options.undelete_window = undelete_window_;
    options.collect_every = 100ms;
    ClusterOptions cluster;
    cluster.zookeeper = ensemble_.addresses();
    cluster.listen = "127.0.0.1:0";
    cluster.ca = file("ca").certificate;
    cluster.certificate = file("node" + std::to_string(n)).certificate;
    cluster.key = file("node" + std::to_string(n)).key;
    options.cluster = cluster;
    auto node = Node::open(std::move(options));
    ASSERT_TRUE(node) << to_string(node.error());
    nodes_[n - 1] = *std::move(node);
  }
  void stop(std::uint32_t n) {
    EXPECT_TRUE(nodes_[n - 1]->stop());
    nodes_[n - 1].reset();
  }
  Node& node(std::uint32_t n) { return *nodes_[n - 1]; }

  template <class Condition>
  static bool soon(std::chrono::milliseconds limit, Condition holds) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }
  // Every shard is led by somebody here, with so many copies in sync.
  bool in_sync(std::size_t copies) {
    std::size_t led = 0;
    for (const auto& node : nodes_)
      if (node)
        for (const ShardStatus& shard : node->status())
          led += shard.standing.open && shard.standing.config->isr.size() == copies;
    return led == kShards + 1;
  }
  std::uint32_t leader(ShardId shard) {
    for (std::uint32_t n = 1; n <= kNodes; ++n)
      if (nodes_[n - 1])
        for (const ShardStatus& status : node(n).status())
          if (status.shard == shard && status.standing.open) return n;
    return 0;
  }

  Result<storage::MailOutcome> create_account(std::uint32_t at, ShardId shard, std::uint64_t id) {
    storage::MailTxn txn;
    txn.op = node(at).mail().new_op();
    txn.commands.push_back(storage::CreateAccount{AccountId{id}, 0});
    return await(node(at).mail().submit(shard, std::move(txn)));
  }
  Result<storage::MailOutcome> deliver(std::uint32_t at, ShardId shard, std::uint64_t account,
                                       const std::string& text) {
    storage::MailTxn txn;
    txn.op = node(at).mail().new_op();
    storage::AddMessage add;
    add.content.size = text.size();
    add.content.own_bytes = static_cast<std::uint32_t>(text.size());
    add.content.own_crc = crc32c(as_bytes(text));
    add.targets.push_back({AccountId{account}, MailboxId{0}});
    txn.commands.push_back(std::move(add));
    return await(node(at).mail().submit(shard, std::move(txn), {share(text)}));
  }
  Result<std::vector<std::string>> inbox(std::uint32_t at, ShardId shard, std::uint64_t account) {
    MailStore& mail = node(at).mail();
    ASSIGN_OR_RETURN(const auto box, await(mail.find_mailbox(shard, AccountId{account}, "INBOX")));
    storage::UidSet all;
    all.add(Uid{1}, Uid{UINT32_MAX});
    ASSIGN_OR_RETURN(const auto messages, await(mail.messages(shard, box.id, all, 1000)));
    std::vector<std::string> texts;
    for (const auto& message : messages) {
      ASSIGN_OR_RETURN(auto text, await(mail.read(shard, {ByteRange{message.content}})));
      texts.push_back(std::move(text[0]));
    }
    return texts;
  }

  // Where `text` is in the log of a node's copy.
  struct Place {
    fs::path file;
    std::streamoff at = -1;
  };
  Place find(std::uint32_t n, ShardId shard, const std::string& text) {
    char folder[32];
    std::snprintf(folder, sizeof folder, "shard-%04u", shard.value);
    const fs::directory_iterator all(fs::path(data(n)) / folder / "log");
    std::set<fs::path> files;
    for (const auto& entry : all) files.insert(entry.path());
    for (const fs::path& file : files) {
      if (file.extension() != ".seg") continue;
      std::ifstream in(file, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      if (const auto at = bytes.find(text); at != std::string::npos)
        return {file, static_cast<std::streamoff>(at)};
    }
    return {};
  }
  // Who wrote the first segment of a copy: one that was made from another has that one's.
  std::string writer(std::uint32_t n, ShardId shard) {
    const Place first = find(n, shard, "MLOGSEG1");
    std::ifstream in(first.file, std::ios::binary);
    std::string disk(16, '\0');
    in.seekg(32);
    in.read(disk.data(), static_cast<std::streamsize>(disk.size()));
    return disk;
  }
  static void flip_a_bit(const Place& place) {
    std::fstream file(place.file, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(place.at);
    const char byte = static_cast<char>(file.get() ^ 4);
    file.seekp(place.at);
    file.put(byte);
  }
  const ShardStatus status(std::uint32_t n, ShardId shard) {
    for (const ShardStatus& one : node(n).status())
      if (one.shard == shard) return one;
    return {};
  }
  // All copies have applied the same, and hold the same.
  bool equal(ShardId shard) {
    const ShardStatus first = status(1, shard);
    for (std::uint32_t n = 2; n <= kNodes; ++n) {
      const ShardStatus other = status(n, shard);
      if (other.applied != first.applied || other.digest != first.digest) return false;
    }
    return true;
  }

  std::uint64_t seed_log_bytes_ = 256 << 20;
  Micros undelete_window_ = 24h;
  storage::PosixEnv env_;
  test::Ensemble ensemble_{1};
  fs::path folder_;
  std::array<std::unique_ptr<Node>, kNodes> nodes_;
};

TEST_F(ClusterTest, AnyNodeServesAnyAccount) {
  for (std::uint32_t shard = 1; shard <= kShards; ++shard) {
    ASSERT_TRUE(create_account(1, ShardId{shard}, shard));
    for (std::uint32_t n = 1; n <= kNodes; ++n)
      ASSERT_TRUE(deliver(n, ShardId{shard}, shard, "by node " + std::to_string(n)));
    for (std::uint32_t n = 1; n <= kNodes; ++n) {
      const auto texts = inbox(n, ShardId{shard}, shard);
      ASSERT_TRUE(texts) << to_string(texts.error());
      EXPECT_EQ(*texts, (std::vector<std::string>{"by node 1", "by node 2", "by node 3"}));
    }
  }
}

TEST_F(ClusterTest, GoesOnWhenANodeStopsAndTakesItBack) {
  const ShardId shard{1};
  ASSERT_TRUE(create_account(1, shard, 1));
  ASSERT_TRUE(deliver(1, shard, 1, "first"));
  const std::uint32_t away = leader(shard), other = away % kNodes + 1;
  ASSERT_NE(away, 0u);
  std::thread stopping([&] { stop(away); });
  ASSERT_TRUE(deliver(other, shard, 1, "second"));
  stopping.join();
  ASSERT_TRUE(deliver(other, shard, 1, "third"));
  start(away);
  ASSERT_TRUE(soon(20s, [&] { return in_sync(kNodes); }));
  ASSERT_TRUE(deliver(away, shard, 1, "fourth"));
  const auto texts = inbox(away, shard, 1);
  ASSERT_TRUE(texts) << to_string(texts.error());
  EXPECT_EQ(*texts, (std::vector<std::string>{"first", "second", "third", "fourth"}));
}

TEST_F(ClusterTest, ADamagedBodyIsReadFromAnotherCopyAndMended) {
  const ShardId shard{1};
  ASSERT_TRUE(create_account(1, shard, 1));
  const std::string text = "a message " + std::string(100'000, 'x');
  ASSERT_TRUE(deliver(1, shard, 1, text));
  const std::uint32_t primary = leader(shard);
  const Place place = find(primary, shard, text);
  ASSERT_GE(place.at, 0);
  flip_a_bit({place.file, place.at + 50'000});
  ASSERT_LT(find(primary, shard, text).at, 0);
  const auto texts = inbox(primary, shard, 1);
  ASSERT_TRUE(texts) << to_string(texts.error());
  EXPECT_EQ(*texts, std::vector<std::string>{text});
  EXPECT_TRUE(soon(10s, [&] { return status(primary, shard).repairs.bodies == 1; }));
  EXPECT_EQ(find(primary, shard, text).at, place.at);
  EXPECT_EQ(status(primary, shard).repairs.served, 1u);
  // The log is written on in the file that took the damaged one's place.
  ASSERT_TRUE(deliver(1, shard, 1, "another"));
  const auto findings = node(primary).verify();
  ASSERT_TRUE(findings);
  EXPECT_EQ(*findings, std::vector<std::string>());
}

TEST_F(ClusterTest, DamageThatIsFoundInABackupIsMended) {
  const ShardId shard{1};
  ASSERT_TRUE(create_account(1, shard, 1));
  const std::string text = "a message " + std::string(5000, 'y');
  ASSERT_TRUE(deliver(1, shard, 1, text));
  ASSERT_TRUE(deliver(1, shard, 1, "another"));
  const std::uint32_t backup = leader(shard) % kNodes + 1;
  ASSERT_TRUE(soon(10s, [&] { return equal(shard); }));
  const Place place = find(backup, shard, text);
  flip_a_bit(place);
  ASSERT_FALSE(node(backup).verify()->empty());
  EXPECT_TRUE(soon(10s, [&] { return find(backup, shard, text).at == place.at; }));
  EXPECT_TRUE(soon(10s, [&] { return node(backup).verify()->empty(); }));
  EXPECT_EQ(status(backup, shard).repairs.records, 1u);
}

TEST_F(ClusterTest, ALogThatDoesNotOpenForADamagedRecordIsMended) {
  const ShardId shard{1};
  ASSERT_TRUE(create_account(1, shard, 1));
  const std::string text = "a message " + std::string(5000, 'z');
  ASSERT_TRUE(deliver(1, shard, 1, text));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(deliver(1, shard, 1, "another"));
  const std::uint32_t backup = leader(shard) % kNodes + 1;
  ASSERT_TRUE(soon(10s, [&] { return equal(shard); }));
  stop(backup);
  const Place place = find(backup, shard, text);
  ASSERT_GE(place.at, 0);
  flip_a_bit(place);
  start(backup);
  EXPECT_EQ(find(backup, shard, text).at, place.at);
  ASSERT_TRUE(soon(20s, [&] { return in_sync(kNodes) && equal(shard); }));
}

// Twice: a folder that was lost is made from another copy, and by the log.
TEST_F(ClusterTest, ALostFolderComesBack) {
  const ShardId shard{1};
  ASSERT_TRUE(create_account(1, shard, 1));
  std::vector<std::string> sent;
  for (int i = 0; i < 60; ++i)
    sent.push_back("message " + std::to_string(i) +
                   std::string(500'000, static_cast<char>('a' + i % 26)));
  for (const std::string& text : sent) ASSERT_TRUE(deliver(1, shard, 1, text));
  for (const std::uint64_t seed_log_bytes : {1ull << 20, 1ull << 40}) {
    SCOPED_TRACE(seed_log_bytes);
    seed_log_bytes_ = seed_log_bytes;
    const std::uint32_t lost = leader(shard) % kNodes + 1;
    const fs::path folder = fs::path(data(lost)) / "shard-0001";
    stop(lost);
    fs::remove_all(folder);
    const auto began = std::chrono::steady_clock::now();
    start(lost);
    ASSERT_TRUE(soon(60s, [&] { return in_sync(kNodes) && equal(shard); }));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("a copy of %.1f MB is in sync again after %.2f s\n",
                static_cast<double>(status(lost, shard).end.value) / 1e6, took.count());
    if (seed_log_bytes < 1ull << 30) {
      const std::uint32_t one = lost % kNodes + 1, other = one % kNodes + 1;
      const std::string disk = writer(lost, shard);
      EXPECT_TRUE(disk == writer(one, shard) || disk == writer(other, shard));
    }
    EXPECT_FALSE(fs::exists(folder.string() + ".seed"));
    EXPECT_FALSE(fs::exists(folder.string() + ".old"));
    EXPECT_EQ(node(lost).verify().value(), std::vector<std::string>());
    // It is as good as any other.
    ASSERT_TRUE(deliver(lost, shard, 1, "and one more"));
    sent.push_back("and one more");
    const auto texts = inbox(lost, shard, 1);
    ASSERT_TRUE(texts) << to_string(texts.error());
    EXPECT_TRUE(*texts == sent);
  }
}

// What was given back cannot be sent record by record: however short the log, the copy is seeded,
// holes and all.
TEST_F(ClusterTest, ALostFolderComesBackFromOneWithHoles) {
  for (std::uint32_t n = 1; n <= kNodes; ++n) stop(n);
  undelete_window_ = {};
  for (std::uint32_t n = 1; n <= kNodes; ++n) start(n);
  ASSERT_TRUE(soon(20s, [&] { return in_sync(kNodes); }));
  const ShardId shard{1};
  ASSERT_TRUE(create_account(1, shard, 1));
  std::vector<std::string> sent;
  for (int i = 0; i < 40; ++i) {
    sent.push_back("message " + std::to_string(i) +
                   std::string(500'000, static_cast<char>('a' + i % 26)));
    ASSERT_TRUE(deliver(1, shard, 1, sent.back()));
  }
  const auto box = await(node(1).mail().find_mailbox(shard, AccountId{1}, "INBOX"));
  ASSERT_TRUE(box);
  storage::MailTxn txn;
  txn.op = node(1).mail().new_op();
  storage::UidSet uids;
  uids.add(Uid{1}, Uid{8});
  txn.commands.push_back(storage::Expunge{box->id, uids, false});
  ASSERT_TRUE(await(node(1).mail().submit(shard, std::move(txn))));
  sent.erase(sent.begin(), sent.begin() + 8);
  // The index has a checkpoint of its own every ten seconds.
  ASSERT_TRUE(soon(60s, [&] {
    for (std::uint32_t n = 1; n <= kNodes; ++n)
      if (status(n, shard).space.punches < 8) return false;
    return true;
  }));
  const std::uint32_t lost = leader(shard) % kNodes + 1;
  stop(lost);
  fs::remove_all(fs::path(data(lost)) / "shard-0001");
  start(lost);
  ASSERT_TRUE(soon(60s, [&] { return in_sync(kNodes) && equal(shard); }));
  EXPECT_EQ(node(lost).verify().value(), std::vector<std::string>());
  ASSERT_TRUE(deliver(lost, shard, 1, "and one more"));
  sent.push_back("and one more");
  // Whoever leads, and the copy that was made.
  const auto texts = inbox(lost, shard, 1);
  ASSERT_TRUE(texts) << to_string(texts.error());
  EXPECT_TRUE(*texts == sent);
  const fs::directory_iterator log(fs::path(data(lost)) / "shard-0001" / "log");
  EXPECT_TRUE(std::ranges::any_of(
      log, [](const fs::directory_entry& file) { return file.path().extension() == ".pm"; }));
}

}  // namespace
}  // namespace everpost::cluster
