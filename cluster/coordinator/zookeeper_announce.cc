// How a node gets into the registry, and stays there: a chain of steps, each begun by the answer to
// the one before. A step that fails is tried again; a new session begins anew.
#include "base/bytes.h"
#include "base/log.h"
#include "cluster/coordinator/zookeeper_registry.h"

namespace everpost::cluster {
namespace {

using Kind = ZnodeChange::Kind;
using std::chrono::milliseconds;
constexpr milliseconds kAgainAfter{500};
constexpr milliseconds kConflictAfter{20};
constexpr std::chrono::seconds kDeadline{5};

ZooKeeperSession::Clock::time_point deadline() {
  return ZooKeeperSession::Clock::now() + kDeadline;
}

bool is(const Error& error, ErrorCode code) { return error.code == code; }

}  // namespace

ZooKeeperRegistry::ZooKeeperRegistry(ZooKeeperSession& session, Options options)
    : session_(session),
      options_(std::move(options)),
      live_name_(to_string(options_.node) + "-" + hex(options_.incarnation.value)) {}

void ZooKeeperRegistry::announce(NodeRecord record) {
  {
    const std::scoped_lock lock(mutex_);
    record_ = std::move(record);
  }
  renewed();
}

bool ZooKeeperRegistry::registered() const {
  const std::scoped_lock lock(mutex_);
  return registered_;
}

void ZooKeeperRegistry::on_change(std::function<void()> changed) {
  const std::scoped_lock lock(mutex_);
  on_change_ = std::move(changed);
}

void ZooKeeperRegistry::renewed() {
  Round round = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (!record_) return;
    registered_ = false;
    round = ++round_;
  }
  make_live(round);
}

bool ZooKeeperRegistry::is_current(Round round) const {
  const std::scoped_lock lock(mutex_);
  return round == round_;
}

void ZooKeeperRegistry::later(Round round, milliseconds delay,
                              void (ZooKeeperRegistry::*step)(Round)) {
  (void)session_.after(delay, [this, round, step] {
    if (is_current(round)) (this->*step)(round);
  });
}

void ZooKeeperRegistry::trouble(const char* what, const Error& error) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(told_trouble_, true)) return;
  log::warning(what, {{"node", options_.node}, {"error", to_string(error)}});
}

void ZooKeeperRegistry::make_live(Round round) {
  std::string data;
  {
    const std::scoped_lock lock(mutex_);
    data = encode(*record_);
  }
  session_.write({{Kind::kCreateEphemeral, path("/live/" + live_name_), std::move(data)}},
                 deadline(), [this, round](Result<void> made) {
                   if (!is_current(round)) return;
                   if (made || is(made.error(), ErrorCode::kAlreadyExists))
                     return check_live(round);
                   trouble("not registered as live yet", made.error());
                   later(round, kAgainAfter, &ZooKeeperRegistry::make_live);
                 });
}

// An entry of this very process may be left from its last session, and vanish with that one.
void ZooKeeperRegistry::check_live(Round round) {
  const std::string entry = path("/live/" + live_name_);
  session_.get(entry, deadline(), [this, round, entry](Result<Znode> found) {
    if (!is_current(round)) return;
    if (!found) return later(round, kConflictAfter, &ZooKeeperRegistry::make_live);
    if (found->owner == session_.id()) {
      {
        const std::scoped_lock lock(mutex_);
        created_ = found->created;
      }
      return store_record(round);
    }
    session_.write({{Kind::kRemove, entry, {}, found->version}}, deadline(),
                   [this, round](Result<void>) {
                     later(round, kConflictAfter, &ZooKeeperRegistry::make_live);
                   });
  });
}

void ZooKeeperRegistry::store_record(Round round) {
  session_.get(node_path(), deadline(), [this, round](Result<Znode> found) {
    if (!is_current(round)) return;
    if (!found && is(found.error(), ErrorCode::kNotFound)) return write_record(round, std::nullopt);
    if (!found) {
      trouble("node not registered yet", found.error());
      return later(round, kAgainAfter, &ZooKeeperRegistry::store_record);
    }
    std::unique_lock lock(mutex_);
    const bool same = found->data == encode(*record_);
    if (same) {
      registered_ = true;
      told_trouble_ = false;
      log::info("registered", {{"node", options_.node}, {"as", live_name_}});
    }
    lock.unlock();
    if (!same) return write_record(round, found->version);
    look_for_successor(round);
  });
}

// Together with /features, though that stays the same: see raise_feature_level().
void ZooKeeperRegistry::write_record(Round round, std::optional<std::int32_t> version) {
  const std::string features = path("/features");
  session_.get(features, deadline(), [this, round, version, features](Result<Znode> found) {
    if (!is_current(round)) return;
    if (!found) {
      trouble("node not registered yet", found.error());
      return later(round, kAgainAfter, &ZooKeeperRegistry::store_record);
    }
    std::string data;
    {
      const std::scoped_lock lock(mutex_);
      data = encode(*record_);
    }
    const Kind kind = version ? Kind::kSet : Kind::kCreate;
    session_.write({{kind, node_path(), std::move(data), version.value_or(0)},
                    {Kind::kSet, features, found->data, found->version}},
                   deadline(), [this, round](Result<void>) {
                     // Whatever came of it shows in the next look.
                     later(round, kConflictAfter, &ZooKeeperRegistry::store_record);
                   });
  });
}

// Among processes with our node id the one that registered last is the node (H8).
void ZooKeeperRegistry::look_for_successor(Round round) {
  session_.children(path("/live"), deadline(), [this, round](Result<std::vector<std::string>> all) {
    if (!is_current(round)) return;
    if (!all) return later(round, kAgainAfter, &ZooKeeperRegistry::look_for_successor);
    for (const std::string& name : *all) {
      if (name == live_name_ || !name.starts_with(to_string(options_.node) + "-")) continue;
      session_.get(path("/live/" + name), deadline(), [this, round, name](Result<Znode> found) {
        if (!found || !is_current(round)) return;
        std::unique_lock lock(mutex_);
        if (found->created < created_ || std::exchange(superseded_, true)) return;
        lock.unlock();
        log::error("another process with this node's id has registered",
                   {{"node", options_.node}, {"ours", live_name_}, {"its", name}});
        if (options_.superseded) options_.superseded();
      });
    }
  });
}

void ZooKeeperRegistry::changed(const std::string& where) {
  Round round = 0;
  bool registered = false;
  std::function<void()> tell;
  {
    const std::scoped_lock lock(mutex_);
    round = round_;
    registered = registered_;
    tell = on_change_;
  }
  if (registered && where == path("/live")) look_for_successor(round);
  if (registered && where == path("/features"))
    session_.get(where, deadline(), [](Result<Znode>) {});  // watches it again
  if (tell) tell();
}

}  // namespace everpost::cluster
