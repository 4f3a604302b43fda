#include "cluster/router/watch_client.h"

#include <set>

#include "base/random.h"
#include "cluster/router/call_under_way.h"

namespace everpost::cluster {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kHold{25'000};
// How long the transport waits for an answer that is held for kHold.
constexpr std::chrono::milliseconds kCallTimeout{kHold + std::chrono::seconds{5}};
// Sessions come in bursts: a call is not given up for each of them.
constexpr std::chrono::milliseconds kGatherEdits{20};
// Between two answers: under load many changes come with each.
constexpr std::chrono::milliseconds kGatherChanges{5};
constexpr std::size_t kKeysInRequest = 50'000;
constexpr std::chrono::hours kNobody{1};
// There is such a coroutine for each shard, and mostly nothing to see.
constexpr int kLooksSeldom = 4;

}  // namespace

// Of one shard. Entries and edits are under a mutex, the rest belongs to the coroutine follow().
class WatchClient::ShardWatches : public std::enable_shared_from_this<ShardWatches> {
 public:
  ShardWatches(ShardId shard, PrimaryRoute& route, MailStore& local,
               const asio::any_io_executor& executor)
      : shard_(shard),
        route_(route),
        local_(local),
        executor_(executor),
        alarm_(std::make_shared<Alarm>(executor)),
        look_every_(kLooksSeldom * route.options().look_every),
        waits_(route.options()) {}

  class Entry : public Watch {
   public:
    Entry(std::shared_ptr<ShardWatches> home, WatchKey key, std::function<void()> changed)
        : home_(std::move(home)), key_(key), changed_(std::move(changed)) {}
    ~Entry() override { home_->remove(this); }
    const WatchKey& key() const { return key_; }
    void call() const { changed_(); }

   private:
    const std::shared_ptr<ShardWatches> home_;
    const WatchKey key_;
    const std::function<void()> changed_;
  };

  std::unique_ptr<Watch> add(const WatchKey& key, std::function<void()> changed) {
    auto entry = std::make_unique<Entry>(shared_from_this(), key, std::move(changed));
    {
      const std::scoped_lock lock(mutex_);
      entries_.emplace(key, entry.get());
      // Also if there is a registration for another entry: it may be on its way only.
      edits_.insert(key);
    }
    alarm_->ring();
    return entry;
  }

  void wake() { alarm_->ring(); }

  // Keeps the watches registered until the route is stopped.
  asio::awaitable<void> follow(std::shared_ptr<ShardWatches> self) {
    while (!route_.stopped()) {
      const auto primary = route_.map().primary(shard_);
      if (nothing_to_watch()) {
        co_await alarm_->wait(kNobody);
      } else if (!primary) {
        co_await alarm_->wait(look_every_);
      } else {
        const bool failed =
            *primary == route_.self() ? co_await follow_here() : co_await follow_there(*primary);
        if (failed) co_await alarm_->wait(std::max(waits_.next(), route_.options().wait_first));
      }
    }
  }

 private:
  void remove(const Entry* entry) {
    {
      const std::scoped_lock lock(mutex_);
      const auto [from, to] = entries_.equal_range(entry->key());
      for (auto at = from; at != to; ++at) {
        if (at->second != entry) continue;
        entries_.erase(at);
        break;
      }
      edits_.insert(entry->key());
    }
    alarm_->ring();
  }

  // A callback runs under the mutex, so that none runs after its Watch is gone.
  void call(const WatchKey& key) {
    const std::scoped_lock lock(mutex_);
    const auto [from, to] = entries_.equal_range(key);
    for (auto at = from; at != to; ++at) at->second->call();
  }
  template <class Keys>
  void call_all(const Keys& keys) {
    for (const WatchKey& key : keys) call(key);
  }

  bool nothing_to_watch() {
    const std::scoped_lock lock(mutex_);
    return entries_.empty();
  }
  bool edited() {
    const std::scoped_lock lock(mutex_);
    return !edits_.empty();
  }
  bool wanted(const WatchKey& key) {
    const std::scoped_lock lock(mutex_);
    return entries_.contains(key);
  }
  // The keys whose registrations have to change; to begin with, all that are watched.
  std::set<WatchKey> take_edits() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(edits_, {});
  }
  std::set<WatchKey> take_all() {
    const std::scoped_lock lock(mutex_);
    std::set<WatchKey> all;
    for (const auto& [key, entry] : entries_) all.insert(all.end(), key);
    edits_.clear();
    return all;
  }

  bool still(NodeId primary) const {
    return !route_.stopped() && route_.map().primary(shard_) == primary;
  }

  // While this node is the primary. True: it says that it is not.
  asio::awaitable<bool> follow_here() {
    std::map<WatchKey, std::unique_ptr<Watch>> held;
    std::set<WatchKey> edits = take_all();
    for (;;) {
      for (const WatchKey& key : edits) {
        if (!wanted(key)) {
          held.erase(key);
          continue;
        }
        if (!held.contains(key)) {
          auto watch = watch_here(key);
          if (!watch) co_return true;
          held.emplace(key, std::move(watch));
        }
        call(key);
      }
      waits_.reset();
      co_await alarm_->wait(look_every_);
      if (!still(route_.self()) || nothing_to_watch()) co_return false;
      edits = take_edits();
    }
  }
  std::unique_ptr<Watch> watch_here(const WatchKey& key) {
    auto changed = [this, key] { call(key); };
    return key.kind == WatchKey::Kind::kMailbox
               ? local_.watch_mailbox(shard_, MailboxId{key.id}, std::move(changed))
               : local_.watch_account(shard_, AccountId{key.id}, std::move(changed));
  }

  // While `node` is the primary: one session of its WatchServer. True: it cannot be asked, or does
  // not want to be.
  asio::awaitable<bool> follow_there(NodeId node) {
    WatchRequest request;
    request.session = random_u64();
    request.wait_ms = kHold.count();
    std::set<WatchKey> edits = take_all();  // not confirmed yet
    for (;;) {
      ++request.seq;
      edits.merge(take_edits());
      fill(request, edits);
      const Poll got = co_await poll(node, request);
      if (!still(node)) co_return false;
      if (got.outcome == Poll::Outcome::kGivenUp) continue;
      if (got.outcome == Poll::Outcome::kFailed) co_return true;
      waits_.reset();
      request.heard = request.seq;
      for (const WatchKey& key : request.add) edits.erase(key);
      for (const WatchKey& key : request.remove) edits.erase(key);
      call_all(request.add);
      call_all(got.fired.keys);
      if (nothing_to_watch()) co_return false;
      if (!got.fired.keys.empty()) co_await alarm_->wait(kGatherChanges);
    }
  }

  // Of `edits`, what fits into one request.
  void fill(WatchRequest& request, const std::set<WatchKey>& edits) {
    request.add.clear();
    request.remove.clear();
    for (const WatchKey& key : edits) {
      if (request.add.size() + request.remove.size() == kKeysInRequest) return;
      (wanted(key) ? request.add : request.remove).push_back(key);
    }
  }

  struct Poll {
    enum class Outcome {
      kTold,
      kGivenUp,  // there are edits that the primary should hear of
      kFailed,
    };
    Outcome outcome;
    Fired fired;
  };
  asio::awaitable<Poll> poll(NodeId node, const WatchRequest& request) {
    const auto begun = Clock::now();
    CallUnderWay call(executor_,
                      route_.peer().call(node, encode(Request{shard_, request}), kCallTimeout),
                      alarm_);
    bool gave_up = false;
    while (!call.done()) {
      co_await alarm_->wait(edited() ? Micros{kGatherEdits} : look_every_);
      if (call.done()) break;
      // One that adds is answered at once anyway.
      if (edited() && request.add.empty() && Clock::now() - begun >= kGatherEdits) gave_up = true;
      if (gave_up || !still(node)) call.give_up();
    }
    const Result<std::string> got = call.take();
    if (!got) co_return Poll{gave_up ? Poll::Outcome::kGivenUp : Poll::Outcome::kFailed, {}};
    Result<Answer> answer = decode_answer(*got);
    if (answer)
      if (auto* fired = std::get_if<Fired>(&*answer))
        co_return Poll{Poll::Outcome::kTold, std::move(*fired)};
    if (!answer && answer.error().code == ErrorCode::kNotPrimary) route_.map().wrong(shard_, node);
    co_return Poll{Poll::Outcome::kFailed, {}};
  }

  const ShardId shard_;
  PrimaryRoute& route_;
  MailStore& local_;
  const asio::any_io_executor executor_;
  const std::shared_ptr<Alarm> alarm_;
  const Micros look_every_;
  RetryWaits waits_;

  std::mutex mutex_;
  std::multimap<WatchKey, Entry*> entries_;
  std::set<WatchKey> edits_;
};

WatchClient::WatchClient(PrimaryRoute& route, MailStore& local, asio::any_io_executor executor)
    : route_(route), local_(local), executor_(std::move(executor)) {}

WatchClient::~WatchClient() = default;

std::unique_ptr<Watch> WatchClient::watch(ShardId shard, WatchKey key,
                                          std::function<void()> changed) {
  const auto known = route_.map().mail_shards();
  if (std::ranges::find(known, shard) == known.end()) return nullptr;
  std::shared_ptr<ShardWatches> watches;
  {
    const std::scoped_lock lock(mutex_);
    auto& found = shards_[shard];
    if (!found) {
      found = std::make_shared<ShardWatches>(shard, route_, local_, executor_);
      asio::co_spawn(executor_, found->follow(found), asio::detached);
    }
    watches = found;
  }
  return watches->add(key, std::move(changed));
}

void WatchClient::stop() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, watches] : shards_) watches->wake();
}

}  // namespace everpost::cluster
