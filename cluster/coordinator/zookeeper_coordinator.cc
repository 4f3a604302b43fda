#include "cluster/coordinator/zookeeper_coordinator.h"

#include <cstdio>

#include "base/bytes.h"
#include "cluster/coordinator/shard_value.h"
#include "cluster/coordinator/value_text.h"
#include "cluster/coordinator/zookeeper_patience.h"

namespace everpost::cluster {
namespace {

using Kind = ZnodeChange::Kind;

// A read that is older than what this process knows is repeated, with a growing pause.
constexpr int kReadsMax = 5;
constexpr std::chrono::milliseconds kReadAgainAfter{10};

// A znode's version counts from 0, a Versioned's from 1.
constexpr std::uint64_t version_of(const Znode& znode) {
  return static_cast<std::uint64_t>(znode.version) + 1;
}
constexpr std::int32_t znode_version(std::uint64_t version) {
  return static_cast<std::int32_t>(version) - 1;  // 0 gives -1, which no change may have
}

ZooKeeperRegistry::Options registry_options(const ZooKeeperCoordinator::Options& options) {
  return {options.root, options.node, options.incarnation, options.superseded};
}

}  // namespace

ZooKeeperCoordinator::ZooKeeperCoordinator(Options options)
    : options_(std::move(options)),
      pair_(options_.zookeeper, {.reachable =
                                     [this](bool up) {
                                       listeners_.set_reachable(up);
                                       listeners_.tell_reachable();
                                     },
                                 .renewed = [this] { listeners_.all_changed(); },
                                 .first_renewed = [this] { registry_.renewed(); },
                                 .changed = [this](const std::string& path) { on_change(path); }}),
      registry_(pair_.first(), registry_options(options_)) {
  pair_.start();
}

ZooKeeperCoordinator::~ZooKeeperCoordinator() { pair_.stop(); }

std::string ZooKeeperCoordinator::path_of(ShardId shard) const {
  char name[24];
  std::snprintf(name, sizeof name, "/shards/%04u", shard.value);
  return options_.root + name;
}

void ZooKeeperCoordinator::on_change(const std::string& path) {
  const std::string shards = options_.root + "/shards/";
  if (!path.starts_with(shards)) return registry_.changed(path);
  const auto id = number_in<std::uint32_t>(std::string_view(path).substr(shards.size()));
  if (id) listeners_.changed(ShardId{*id});
}

std::unique_ptr<Coordinator::Watch> ZooKeeperCoordinator::watch(ShardId shard, Listener listener) {
  auto watch = listeners_.add(shard, std::move(listener));
  (void)pair_.first().after({}, [this] { listeners_.tell_reachable(); });
  return watch;
}

void ZooKeeperCoordinator::saw(ShardId shard, std::uint64_t version) {
  const std::scoped_lock lock(mutex_);
  Known& known = known_[shard];
  known.at_least = std::max(known.at_least, version);
}

Result<Versioned> ZooKeeperCoordinator::decode(ShardId shard, const Znode& znode) const {
  auto value = decode_shard_config(znode.data);
  if (!value) return in_context("znode " + path_of(shard), value.error());
  value->version = version_of(znode);
  return value;
}

void ZooKeeperCoordinator::get(ShardId shard, Answer<Versioned> answer) {
  read(shard, kReadsMax, std::move(answer));
}

// The sync before a read is no quorum's decision: a deposed leader may still answer it, and its
// errors are not told (H7). What is older than a version known to exist is old; asked a few times,
// it may be an ensemble that went back in time, and that is for the caller to decide (H6).
void ZooKeeperCoordinator::read(ShardId shard, int again, Answer<Versioned> answer) {
  pair_.get(path_of(shard), [this, shard, again, answer = std::move(answer)](Result<Znode> znode) {
    if (!znode) return answer(znode.error());
    bool made_again = false, old = false;
    {
      const std::scoped_lock lock(mutex_);
      Known& known = known_[shard];
      made_again = known.created.value_or(znode->created) != znode->created;
      if (!made_again) known.created = znode->created;
      old = version_of(*znode) < known.at_least;
      known.at_least = std::max(known.at_least, version_of(*znode));
    }
    if (made_again)
      return answer(
          Error{ErrorCode::kFenced,
                "znode " + path_of(shard) +
                    " was removed and made again: its versions mean nothing any more (H5)"});
    const auto pause = kReadAgainAfter * (kReadsMax - again + 1);
    const bool repeated = old && again > 0 &&
                          pair_.first().after(pause, [=, this] { read(shard, again - 1, answer); });
    if (!repeated) answer(decode(shard, *znode));
  });
}

void ZooKeeperCoordinator::compare_and_set(ShardId shard, std::uint64_t version,
                                           const ShardConfig& config,
                                           Answer<std::uint64_t> answer) {
  pair_.write(
      {{Kind::kSet, path_of(shard), encode(Versioned{config}), znode_version(version)}},
      [this, shard, version, config, answer = std::move(answer)](Result<void> stored, bool twice) {
        if (stored) {
          saw(shard, version + 1);
          return answer(version + 1);
        }
        if (stored.error().code != ErrorCode::kConflict) return answer(stored.error());
        if (twice) return settle(shard, version, config, answer);
        saw(shard, version + 1);
        answer(stored.error());
      });
}

// One of two equal proposals met another version: perhaps the one that its twin made.
void ZooKeeperCoordinator::settle(ShardId shard, std::uint64_t version, const ShardConfig& config,
                                  Answer<std::uint64_t> answer) {
  saw(shard, version + 1);
  get(shard, [version, nonce = config.nonce, answer = std::move(answer)](Result<Versioned> now) {
    if (now && now->version == version + 1 && now->config.nonce == nonce)
      return answer(version + 1);
    if (now && now->version == version + 1)
      return answer(Error{ErrorCode::kConflict, "another proposal was stored at that version"});
    answer(Error{ErrorCode::kUnavailable, "nobody knows which of several proposals was stored"});
  });
}

// The scratch znode comes and goes within the write: something has to be changed for the check to
// be more than a read, and a lasting one would have to be set without its version.
void ZooKeeperCoordinator::verify(ShardId shard, std::uint64_t version, Answer<bool> answer) {
  std::string scratch = options_.root + "/scratch/" + to_string(options_.node) + "-" +
                        hex(options_.incarnation.value) + "-";
  {
    const std::scoped_lock lock(mutex_);
    scratch += std::to_string(++verifications_);
  }
  pair_.write({{Kind::kCheck, path_of(shard), {}, znode_version(version)},
               {Kind::kCreate, scratch, {}},
               {Kind::kRemove, scratch, {}, 0}},
              [answer = std::move(answer)](Result<void> held, bool) {
                if (held) return answer(true);
                if (held.error().code == ErrorCode::kConflict) return answer(false);
                answer(held.error());
              });
}

Result<std::vector<ShardId>> ZooKeeperCoordinator::shards() {
  ASSIGN_OR_RETURN(const auto names, children_patiently(pair_.first(), options_.root + "/shards"));
  std::vector<ShardId> shards;
  for (const std::string& name : names)
    if (const auto id = number_in<std::uint32_t>(name)) shards.push_back(ShardId{*id});
  std::ranges::sort(shards);
  return shards;
}

Result<Versioned> ZooKeeperCoordinator::create(ShardId shard, const ShardConfig& config) {
  RETURN_IF_ERROR(create_patiently(pair_.first(), path_of(shard), encode(Versioned{config})));
  saw(shard, 1);
  return Versioned{config, 1};
}

}  // namespace everpost::cluster
