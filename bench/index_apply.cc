// How many records a second does the index take? Deliveries in groups of 1, 8 and 50 (what group
// commit makes of few and of many sessions), flags, expunge, and the list of UIDs of a large
// mailbox. CPU is the process's: LevelDB's compactions are in it.
#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/crc32c.h"
#include "storage/env/posix_env.h"
#include "storage/index/index.h"
#include "storage/machine/mail_machine.h"
#include "storage/machine/mail_reader.h"

namespace everpost::storage {
namespace {

constexpr AccountId kAccount{1};
constexpr std::uint32_t kMessageBytes = 10 << 10;
constexpr std::uint32_t kSummaryBytes = 600;

struct Prepared {
  RecordHeader header;
  std::string meta;
};

class BenchShard {
 public:
  BenchShard() {
    std::string name = (std::filesystem::temp_directory_path() / "everpost-bench-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    auto index = Index::open(env_, folder_ + "/index", 32 << 20);
    if (!index) {
      std::fprintf(stderr, "%s\n", to_string(index.error()).c_str());
      std::exit(1);
    }
    index_ = *std::move(index);
  }
  ~BenchShard() {
    index_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Records as the log would hand them out; made outside of what is measured.
  Prepared prepare(MailCommand command, std::uint32_t body_bytes = 0, std::uint32_t body_crc = 0) {
    MailTxn txn;
    txn.op = {500'000, 1, (++ops_) * 0x9E3779B97F4A7C15};
    txn.commands.push_back(std::move(command));
    Prepared record;
    record.meta = encode(txn);
    record.header.type = RecordType::kTxn;
    record.header.feature_level = 1;
    record.header.lsn = end_;
    record.header.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
    record.header.body_bytes = body_bytes;
    record.header.body_crc = body_crc;
    record.header.time = {1'800'000'000'000'000 + static_cast<std::int64_t>(ops_)};
    end_ = record.header.end();
    return record;
  }
  Prepared delivery(AccountId account) {
    AddMessage add;
    add.targets.push_back({account, MailboxId{0}});
    add.content.own_bytes = kMessageBytes;
    add.content.own_crc = 0x12345678;
    add.content.summary_bytes = kSummaryBytes;
    add.content.summary_crc = 0x9ABCDEF0;
    add.content.size = kMessageBytes;
    for (std::size_t i = 0; i < 8; ++i)
      add.content.guid[i] =
          std::byte(static_cast<unsigned char>((ops_ * 0x9E3779B97F4A7C15) >> (8 * i)));
    return prepare(std::move(add), kMessageBytes + kSummaryBytes,
                   crc32c_combine(0x12345678, 0x9ABCDEF0, kSummaryBytes));
  }

  void apply(const std::vector<Prepared>& group) {
    const auto txn = index_->begin();
    MailMachine machine(*txn);
    for (const Prepared& record : group) {
      const auto told = machine.apply(record.header, as_bytes(record.meta));
      if (!told || (told->outcome && told->outcome->error)) {
        std::fprintf(stderr, "a record was refused\n");
        std::exit(1);
      }
    }
    if (!machine.finish() || !txn->commit(group.back().header.end())) std::exit(1);
  }
  void fill(std::size_t messages) {
    while (messages > 0) {
      std::vector<Prepared> group;
      for (; messages > 0 && group.size() < 200; --messages) group.push_back(delivery(kAccount));
      apply(group);
    }
  }
  MailboxId inbox() { return reader()->find_mailbox(kAccount, "INBOX")->id; }
  std::unique_ptr<MailReader> reader() { return *make_mail_reader(index_->snapshot()); }

 private:
  PosixEnv env_;
  std::string folder_;
  std::unique_ptr<Index> index_;
  Lsn end_;
  std::uint64_t ops_ = 0;
};

// group size, number of mailboxes that the deliveries go to in turn
void Deliver(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto accounts = static_cast<std::uint64_t>(state.range(1));
  BenchShard shard;
  std::uint64_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Prepared> group;
    for (std::size_t i = 0; i < size; ++i)
      group.push_back(shard.delivery(AccountId{next++ % accounts + 1}));
    state.ResumeTiming();
    shard.apply(group);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * size));
}
BENCHMARK(Deliver)
    ->ArgNames({"group", "mailboxes"})
    ->Args({1, 1})
    ->Args({8, 1})
    ->Args({50, 1})
    ->Args({50, 50})
    ->Args({50, 5000})
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMicrosecond);

// One STORE of one message, as a client that reads its mail does.
void StoreOne(benchmark::State& state) {
  constexpr std::uint32_t kMessages = 20'000;
  BenchShard shard;
  shard.fill(kMessages);
  const MailboxId inbox = shard.inbox();
  std::uint64_t n = 0;
  for (auto _ : state) {
    state.PauseTiming();
    UidSet uids;
    uids.add(Uid{static_cast<std::uint32_t>(n * 7919 % kMessages + 1)});
    const auto mode = n / kMessages % 2 == 0 ? StoreFlags::Mode::kAdd : StoreFlags::Mode::kRemove;
    ++n;
    const std::vector<Prepared> group{
        shard.prepare(StoreFlags{inbox, uids, mode, {kSeen, {}}, {}})};
    state.ResumeTiming();
    shard.apply(group);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(StoreOne)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

// One STORE of a thousand messages: "mark as read".
void StoreThousand(benchmark::State& state) {
  BenchShard shard;
  shard.fill(1000);
  const MailboxId inbox = shard.inbox();
  UidSet all;
  all.add(Uid{1}, Uid{1000});
  bool add = true;
  for (auto _ : state) {
    state.PauseTiming();
    const auto mode = add ? StoreFlags::Mode::kAdd : StoreFlags::Mode::kRemove;
    add = !add;
    const std::vector<Prepared> group{shard.prepare(StoreFlags{inbox, all, mode, {kSeen, {}}, {}})};
    state.ResumeTiming();
    shard.apply(group);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 1000));
}
BENCHMARK(StoreThousand)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

// Expunge of messages one at a time (items: messages), deliveries not counted.
void ExpungeOne(benchmark::State& state) {
  BenchShard shard;
  shard.fill(1);
  const MailboxId inbox = shard.inbox();
  std::uint32_t uid = 1;
  for (auto _ : state) {
    state.PauseTiming();
    shard.fill(1);
    UidSet uids;
    uids.add(Uid{uid++});
    const std::vector<Prepared> group{shard.prepare(Expunge{inbox, uids, false})};
    state.ResumeTiming();
    shard.apply(group);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(ExpungeOne)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

// What SELECT and FETCH ask of a mailbox of 100,000 messages.
BenchShard& large() {
  static BenchShard shard;
  static const bool filled = (shard.fill(100'000), true);
  static_cast<void>(filled);
  return shard;
}
void Uids100k(benchmark::State& state) {
  const MailboxId inbox = large().inbox();
  for (auto _ : state) benchmark::DoNotOptimize(large().reader()->uids(inbox)->size());
}
BENCHMARK(Uids100k)->Unit(benchmark::kMillisecond);

void Messages(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const MailboxId inbox = large().inbox();
  UidSet uids;
  uids.add(Uid{40'001}, Uid{40'000 + count});
  for (auto _ : state)
    benchmark::DoNotOptimize(large().reader()->messages(inbox, uids, count)->size());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
}
BENCHMARK(Messages)->Arg(1)->Arg(100)->Arg(50'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace everpost::storage

BENCHMARK_MAIN();
