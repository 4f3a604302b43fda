// What does the transport between two nodes carry? Both are in this process, on loopback, with TLS;
// so one machine's processors do the work of two.
//
//   round_trip    one message there and one back, on the control channel: p50 is about its time
//   call          one call of a handler on another thread, and its answer
//   messages      one way, with 8 MiB under way: 100 bytes to 1 MiB, on the append channel
//   bulk_calls    answers of 256 KiB, as seeding pulls them, some calls at a time
//
// cpu_us: CPU time of both nodes for each message.
#include <benchmark/benchmark.h>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <semaphore>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/random.h"
#include "rpc/certificates.h"
#include "rpc/transport.h"

namespace everpost::rpc {
namespace {

constexpr NodeId kOne{1}, kTwo{2};
constexpr ShardId kShard{1};
constexpr Method kMethod = 1;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_rpc: %s\n", to_string(result.error()).c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

class Node : public Receiver {
 public:
  explicit Node(Options options) { transport = must(Transport::start(std::move(options), *this)); }
  ~Node() override { transport.reset(); }

  void received(Received message) override {
    if (echo) {
      transport->send(message.from, message.channel, message.shard, std::move(message.bytes));
      return;
    }
    if (++got >= want) reached.release();
  }
  void connected(const PeerInfo&) override { met.release(); }
  void lost(NodeId, const Error&) override {}

  std::string address() const { return "127.0.0.1:" + std::to_string(transport->port()); }

  bool echo = false;
  std::atomic<std::uint64_t> got{0};
  std::atomic<std::uint64_t> want{~std::uint64_t{0}};
  std::binary_semaphore met{0}, reached{0};
  std::unique_ptr<Transport> transport;
};

class Pair {
 public:
  Pair() {
    char name[] = "/tmp/everpost-bench-rpc-XXXXXX";
    folder_ = ::mkdtemp(name) ? name : ".";
    const CertificateFiles ca{folder_ + "/ca.pem", folder_ + "/ca.key"};
    const Uuid cluster = random_uuid();
    must(make_ca(cluster, ca));
    const auto options = [&](NodeId id) {
      const std::string file = folder_ + "/" + to_string(id);
      must(make_node_certificate(ca, id, {file + ".pem", file + ".key"}));
      Options made;
      made.cluster = cluster;
      made.node = id;
      made.incarnation = random_u64();
      made.listen = "127.0.0.1:0";
      made.ca = ca.certificate;
      made.certificate = file + ".pem";
      made.key = file + ".key";
      return made;
    };
    one = std::make_unique<Node>(options(kOne));
    two = std::make_unique<Node>(options(kTwo));
    one->transport->set_peers({{kTwo, two->address()}});
    two->transport->set_peers({{kOne, one->address()}});
    one->met.acquire();
    two->met.acquire();
  }
  ~Pair() {
    one.reset();
    two.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<Node> one, two;

 private:
  std::string folder_;
};

void round_trip(benchmark::State& state) {
  Pair pair;
  pair.two->echo = true;
  pair.one->want = 0;
  const double before = cpu_seconds();
  for (auto _ : state) {
    pair.one->transport->send(kTwo, Channel::kControl, kShard, std::string(100, 'x'));
    pair.one->reached.acquire();
  }
  const double count = static_cast<double>(state.iterations());
  state.counters["cpu_us"] = 1e6 * (cpu_seconds() - before) / count;
  state.counters["round_trips/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
}
BENCHMARK(round_trip)->UseRealTime()->Unit(benchmark::kMicrosecond);

Task<std::string> answer(NodeId, std::string payload) {
  co_return std::string(static_cast<std::size_t>(std::atol(payload.c_str())), 'x');
}

Task<void> repeat(Transport& transport, std::string payload, std::int64_t times) {
  for (; times > 0; --times)
    CO_CHECK(
        co_await transport.call(kTwo, kMethod, payload, std::chrono::seconds{10}, Channel::kBulk));
  co_return Result<void>{};
}

void calls(benchmark::State& state, std::size_t bytes) {
  Pair pair;
  asio::thread_pool handlers{1};
  pair.two->transport->serve(kMethod, handlers.get_executor(), answer);
  const std::int64_t at_once = state.range(0);
  constexpr std::int64_t kEach = 100;
  const double before = cpu_seconds();
  for (auto _ : state) {
    asio::io_context io{1};
    for (std::int64_t i = 0; i < at_once; ++i)
      asio::co_spawn(io, repeat(*pair.one->transport, std::to_string(bytes), kEach),
                     [](std::exception_ptr, Result<void> done) { must(std::move(done)); });
    io.run();
  }
  const double count = static_cast<double>(state.iterations() * at_once * kEach);
  state.counters["cpu_us"] = 1e6 * (cpu_seconds() - before) / count;
  state.counters["calls/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
  state.counters["MB/s"] =
      benchmark::Counter(1e-6 * count * static_cast<double>(bytes), benchmark::Counter::kIsRate);
  handlers.join();
}
void call(benchmark::State& state) { calls(state, 100); }
void bulk_calls(benchmark::State& state) { calls(state, 256 << 10); }
BENCHMARK(call)->ArgName("at_once")->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(bulk_calls)
    ->ArgName("at_once")
    ->Arg(1)
    ->Arg(4)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// One way, up to 8 MiB under way.
constexpr std::uint64_t kUnderWay = 8 << 20;
void messages(benchmark::State& state) {
  Pair pair;
  const auto bytes = static_cast<std::size_t>(state.range(0));
  const std::uint64_t batch = bytes > 10'000 ? 256 : 20'000;
  const double before = cpu_seconds();
  for (auto _ : state) {
    pair.two->want = pair.two->got + batch;
    const std::uint64_t first = pair.two->got;
    for (std::uint64_t i = 0; i < batch; ++i) {
      while ((first + i - pair.two->got) * (bytes + 64) > kUnderWay)
        std::this_thread::sleep_for(std::chrono::microseconds{200});
      if (!pair.one->transport->send(kTwo, Channel::kAppend, kShard, std::string(bytes, 'x')))
        std::abort();
    }
    pair.two->reached.acquire();
  }
  const double count = static_cast<double>(state.iterations() * batch);
  state.counters["cpu_us"] = 1e6 * (cpu_seconds() - before) / count;
  state.counters["messages/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
  state.counters["MB/s"] =
      benchmark::Counter(1e-6 * count * static_cast<double>(bytes), benchmark::Counter::kIsRate);
}
BENCHMARK(messages)
    ->ArgName("bytes")
    ->Arg(100)
    ->Arg(1000)
    ->Arg(256 << 10)
    ->Arg(1 << 20)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace everpost::rpc

BENCHMARK_MAIN();
