#include "cluster/node.h"

#include <charconv>
#include <cstdlib>
#include <shared_mutex>
#include <thread>

#include "base/log.h"
#include "cluster/cluster_links.h"
#include "cluster/coordinator/embedded.h"
#include "cluster/copies/copies.h"
#include "cluster/copies/seed_folder.h"
#include "cluster/copies/seeder.h"
#include "cluster/disk_failures.h"
#include "cluster/garbage_keeper.h"
#include "cluster/overdue.h"
#include "cluster/placement/placer.h"
#include "cluster/router/fan_out.h"
#include "cluster/router/housekeeping.h"
#include "cluster/router/local_directory_store.h"
#include "cluster/router/local_mail_store.h"
#include "cluster/router/remote_directory_store.h"
#include "cluster/router/remote_mail_store.h"
#include "cluster/scrub_keeper.h"

namespace everpost::cluster {
namespace {

// Often enough that no more than a segment or two is written meanwhile, at the speed of a disk.
constexpr auto kLookAtSpaceEvery = std::chrono::milliseconds{200};
constexpr int kExitAgain = 75;  // EX_TEMPFAIL of sysexits.h
constexpr auto kDirectoryWithin = std::chrono::seconds{60};

std::string folder_name(const std::string& data, ShardId shard) {
  char name[24];
  std::snprintf(name, sizeof name, "/shard-%04u", shard.value);
  return data + name;
}

// The shard whose folder is called so.
std::optional<ShardId> shard_of(std::string_view name) {
  constexpr std::string_view kPrefix = "shard-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return ShardId{id};
}

void stop_process(const std::string& data_folder, ShardId shard, const Error& error) {
  // The disk is well: a copy that was made anew is taken in by the next process.
  if (error.code == ErrorCode::kUnavailable) {
    log::warning("starting anew", {{"shard", shard}, {"error", to_string(error)}});
    log::flush();
    std::_Exit(kExitAgain);
  }
  log::error("stopping at once: what is on the disk is not known any more",
             {{"shard", shard},
              {"error", to_string(error)},
              {"remedy",
               "check the disk (dmesg, smartctl), then start again: the copy is checked "
               "before it serves"}});
  note_disk_failure(data_folder, "shard " + to_string(shard) + ": " + to_string(error),
                    wall_clock());
  log::flush();
  std::_Exit(kExitDiskFailed);
}

DiskSpace::Options space_options(const NodeOptions& options) {
  return {options.data_folder, options.min_free_percent, 2 * options.segment_bytes};
}

asio::awaitable<void> watch_space(DiskSpace& space, asio::thread_pool& pool,
                                  const std::atomic<bool>& stopping) {
  asio::steady_timer tick(co_await asio::this_coro::executor);
  while (!stopping) {
    tick.expires_after(kLookAtSpaceEvery);
    co_await tick.async_wait(asio::as_tuple(asio::use_awaitable));
    // The pool's threads may block on a disk that hangs.
    (void)co_await run_on(pool.get_executor(), [&space]() -> Result<void> {
      space.look();
      return {};
    });
  }
}

class NodeOfShards : public Node {
 public:
  explicit NodeOfShards(NodeOptions options)
      : options_(std::move(options)),
        readers_(std::max(1u, options_.read_threads)),
        time_(*options_.clock),
        space_(*options_.env, space_options(options_)),
        journal_(options_.journal_folder.empty() ? nullptr : options_.env,
                 options_.journal_folder) {}

  ~NodeOfShards() override {
    placer_.reset();
    stop_background();
    stop_copying();
    stop_links();
  }

  Result<void> open() {
    if (!options_.failed)
      options_.failed = [folder = options_.data_folder](ShardId shard, const Error& error) {
        stop_process(folder, shard, error);
      };
    RETURN_IF_ERROR(options_.cluster ? join_cluster() : be_the_only_one());
    if (shards_.empty() || shards_.front()->id() != kDirectoryShard)
      return Error{ErrorCode::kNotFound,
                   "no copy of the directory is placed on this node: see the cluster's placement "
                   "(everpost cluster init names all nodes)"};
    is_new_ = shards_.front()->replica().applied() == Lsn{0};
    std::map<ShardId, Shard*> shards, mail_shards;
    for (const auto& shard : shards_) {
      shards.emplace(shard->id(), shard.get());
      if (shard->id() != kDirectoryShard) mail_shards.emplace(shard->id(), shard.get());
    }
    local_mail_ =
        std::make_unique<LocalMailStore>(options_.node, mail_shards, time_, space_, readers_);
    local_directory_ =
        std::make_unique<LocalDirectoryStore>(options_.node, *shards_.front(), time_, readers_);
    mail_ = local_mail_.get();
    directory_ = local_directory_.get();
    make_control();
    if (links_) connect(std::move(shards));

    housekeeping_ = std::make_unique<Housekeeping>(background_, *mail_, *directory_, time_, all());
    housekeeping_->start();
    space_.look();
    housekeeping_->run(watch_space(space_, readers_, stopping_));
    for (const auto& [id, shard] : mail_shards)
      housekeeping_->run(fan_out(*mail_, *shard, stopping_));
    background_thread_ = std::thread([this] { background_.run(); });
    start_keepers();
    if (!links_) return {};
    start_placer();
    return is_new_ ? wait_for_directory() : Result<void>{};
  }

  MailStore& mail() override { return *mail_; }
  DirectoryStore& directory() override { return *directory_; }

  std::vector<ShardStatus> status() const override {
    std::vector<ShardStatus> statuses;
    for (const Shard* shard : all()) {
      statuses.push_back(shard->status());
      if (garbage_) statuses.back().space = garbage_->status(shard->id());
      if (scrub_) statuses.back().scrub = scrub_->status(shard->id());
    }
    return statuses;
  }

  DiskSpace::Status space() const override { return space_.status(); }

  Control& control() override { return *control_; }

  Result<std::vector<std::string>> verify() override {
    std::vector<std::string> findings;
    for (Shard* const shard : all()) {
      ASSIGN_OR_RETURN(const auto found, shard->replica().verify());
      for (const std::string& line : found)
        findings.push_back("shard " + to_string(shard->id()) + ": " + line);
      if (found.empty() || !copies_) continue;
      copies_->damaged(shard->id());
      findings.push_back("shard " + to_string(shard->id()) +
                         ": what is damaged of the log is mended from another copy now: verify "
                         "again in a while");
    }
    return findings;
  }

  Result<void> stop() override {
    if (placer_) placer_->stop();  // no more shards come from here on
    if (remote_mail_) remote_mail_->stop();
    if (remote_directory_) remote_directory_->stop();
    std::atomic<ShardId> stopping_shard{shards_.front()->id()};
    const Overdue overdue(options_.stop_limit, [&] {
      options_.failed(stopping_shard,
                      Error{ErrorCode::kTimeout,
                            "the shard's disk does not answer: what waits for it is not written"});
    });
    stop_background();
    stop_copying();
    Result<void> first;
    for (const auto& shard : shards_) {
      stopping_shard = shard->id();
      if (auto stopped = shard->stop(); !stopped) {
        log::error("shard not closed cleanly",
                   {{"shard", shard->id()}, {"error", to_string(stopped.error())}});
        if (first) first = std::move(stopped);
      }
    }
    stop_links();  // after the replicas' last words
    readers_.join();
    return first;
  }

 private:
  Result<void> be_the_only_one() {
    ASSIGN_OR_RETURN(auto embedded, EmbeddedCoordinator::open(
                                        *options_.env, options_.data_folder + "/coordinator"));
    cluster_ = embedded->cluster();
    embedded_ = std::move(embedded);
    coordinator_ = embedded_.get();
    RETURN_IF_ERROR(make_shards());
    ASSIGN_OR_RETURN(const auto ids, coordinator_->shards());
    return open_shards(ids);
  }

  Result<void> join_cluster() {
    ASSIGN_OR_RETURN(links_, ClusterLinks::open(*options_.cluster, options_.node));
    cluster_ = links_->cluster();
    coordinator_ = &links_->coordinator();
    copies_ = std::make_unique<Copies>(*links_, options_.node, links_->placement());
    std::vector<ShardId> mine, all;
    for (const auto& [id, config] : links_->placement()) {
      all.push_back(id);
      if (config.in_replicas(options_.node)) mine.push_back(id);
    }
    RETURN_IF_ERROR(check_folders(all));
    RETURN_IF_ERROR(set_aside(mine));
    return open_shards(mine);
  }

  // Copies that have another place now: kept under another name, for the administrator to delete.
  Result<void> set_aside(const std::vector<ShardId>& mine) {
    ASSIGN_OR_RETURN(const auto names, options_.env->list(options_.data_folder));
    for (const std::string& name : names) {
      const auto id = shard_of(name);
      if (!id || std::ranges::find(mine, *id) != mine.end()) continue;
      const std::string folder = options_.data_folder + "/" + name;
      const std::string to =
          folder + ".removed-" + std::to_string(options_.clock->wall().micros / 1'000'000);
      RETURN_IF_ERROR(options_.env->rename(folder, to));
      RETURN_IF_ERROR(options_.env->sync_folder(options_.data_folder));
      log::warning("another node has this copy's place: it is not used any more",
                   {{"shard", *id},
                    {"folder", to},
                    {"remedy", "delete the folder once all copies of the shard are in sync"}});
    }
    return {};
  }

  // A new copy of the directory is empty, and would know no user.
  Result<void> wait_for_directory() {
    const Shard& directory = *shards_.front();
    const CopyId self{options_.node, shards_.front()->replica().disk()};
    log::info("waiting for the copy of the directory to be in sync");
    const auto until = std::chrono::steady_clock::now() + kDirectoryWithin;
    while (std::chrono::steady_clock::now() < until) {
      const Driver::Standing standing = directory.standing();
      if (standing.config && standing.config->in_isr(self) &&
          shards_.front()->replica().applied() >= standing.commit)
        return {};
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return Error{ErrorCode::kUnavailable,
                 "this node's new copy of the directory is not in sync after a minute: do the "
                 "nodes that have it run? Then start again"};
  }

  void start_placer() {
    Placer::Options placing;
    placing.node = options_.node;
    placing.coordinator = &links_->coordinator();
    placing.shards = here_;
    placing.connected_since = [this](NodeId node) { return links_->connected_since(node); };
    placing.open = [this](ShardId id) { return open_later(id); };
    placer_ = std::make_unique<Placer>(std::move(placing));
    placer_->start();
  }

  // While the node serves. It stays open until the node stops: sessions may hold on to it.
  Result<void> open_later(ShardId id) {
    ASSIGN_OR_RETURN(auto opened, open_shard(id));
    Shard& shard = *opened;
    {
      const std::unique_lock lock(shards_mutex_);
      shards_.push_back(std::move(opened));
    }
    local_mail_->add(shard);
    links_->add(shard);
    asio::post(background_, [this, &shard] {
      if (stopping_) return;
      housekeeping_->add(shard);
      housekeeping_->run(fan_out(*mail_, shard, stopping_));
    });
    return {};
  }

  Result<void> open_shards(const std::vector<ShardId>& ids) {
    for (const ShardId id : ids) {
      ASSIGN_OR_RETURN(auto shard, open_shard(id));
      shards_.push_back(std::move(shard));
    }
    return {};
  }

  // Frontends here are served by whichever node leads; other nodes are served from here.
  void connect(std::map<ShardId, Shard*> shards) {
    RemoteMailStore::Options remote;
    remote.node = options_.node;
    remote_mail_ = std::make_unique<RemoteMailStore>(remote, *local_mail_, *links_, *links_);
    remote_directory_ =
        std::make_unique<RemoteDirectoryStore>(options_.node, *local_directory_, *links_, *links_);
    server_ = std::make_unique<MailServer>(*local_mail_, *local_directory_);
    copy_server_ = std::make_unique<CopyServer>(here_);
    mail_ = remote_mail_.get();
    directory_ = remote_directory_.get();
    copies_->start(here_);
    links_->serve(*copy_server_, copiers_.get_executor());
    Seeder::Options seeding;
    seeding.node = options_.node;
    seeding.log_bytes = options_.seed_log_bytes;
    seeder_ = std::make_unique<Seeder>(*copies_, seeding);
    seeder_->start(here_);
    links_->start(std::move(shards));
    links_->serve(*server_, servers_.get_executor());
    links_->serve(*control_);
  }

  void start_keepers() {
    GarbageKeeper::Options garbage;
    garbage.every = options_.collect_every;
    garbage_ = std::make_unique<GarbageKeeper>(garbage, here_, time_, space_);
    garbage_->start();
    ScrubKeeper::Options scrub;
    scrub.bytes_per_second = options_.scrub_bytes_per_second;
    scrub.clock = options_.clock;
    if (copies_) scrub.found = [this](ShardId shard, const auto&) { copies_->damaged(shard); };
    scrub_ = std::make_unique<ScrubKeeper>(scrub, here_);
    scrub_->start();
  }

  void make_control() {
    Control::Options options;
    options.node = options_.node;
    options.release = EVERPOST_VERSION;
    options.look = [this] { return status(); };
    options.shards = here_;
    options.journal = &journal_;
    options.peers = links_.get();
    control_ = std::make_unique<Control>(std::move(options));
  }

  void stop_links() {
    if (server_) server_->stop();
    if (links_) links_->stop();
    if (control_) control_->stop();
    servers_.join();
    copiers_.join();
  }

  // Before the replicas are closed.
  void stop_copying() {
    if (seeder_) seeder_->stop();
    if (copies_) copies_->stop();
    if (copy_server_) copy_server_->stop();
  }

  std::vector<Shard*> all() const {
    const std::shared_lock lock(shards_mutex_);
    std::vector<Shard*> shards;
    for (const auto& shard : shards_) shards.push_back(shard.get());
    return shards;
  }

  // A shard that the coordinator does not know would be passed over in silence, and its mail with
  // it.
  Result<void> check_folders(const std::vector<ShardId>& known) const {
    ASSIGN_OR_RETURN(const auto names, options_.env->list(options_.data_folder));
    for (const std::string& name : names) {
      const auto id = shard_of(name);
      if (!id || std::ranges::find(known, *id) != known.end()) continue;
      const std::string folder = options_.data_folder + "/" + name;
      ASSIGN_OR_RETURN(const bool used, options_.env->exists(folder + "/meta"));
      if (used)
        return Error{ErrorCode::kCorrupt,
                     folder + " is a shard, but " + options_.data_folder + "/coordinator/" + name +
                         " is missing: restore that file, or the whole data folder, from a backup; "
                         "move the folder away if the shard belongs to another installation"};
    }
    return {};
  }

  // The first start makes the shards; an interrupted first start is completed.
  Result<void> make_shards() {
    ASSIGN_OR_RETURN(const auto known, coordinator_->shards());
    RETURN_IF_ERROR(check_folders(known));
    // The directory is made last, so that its presence says that all are there.
    if (std::ranges::find(known, kDirectoryShard) != known.end()) return {};
    ShardConfig config;
    config.replicas = {options_.node};
    for (unsigned n = options_.mail_shards + 1; n-- > 0;) {
      if (std::ranges::find(known, ShardId{n}) != known.end()) continue;
      RETURN_IF_ERROR(coordinator_->create(ShardId{n}, config));
    }
    return {};
  }

  Result<std::unique_ptr<Shard>> open_shard(ShardId id) {
    const Micros before = system_clock().steady();
    Shard::Options options;
    options.env = options_.env;
    options.coordinator = coordinator_;
    options.messenger = links_.get();
    options.copies = copies_.get();
    options.time = &time_;
    options.waiting_bytes = &waiting_bytes_;
    options.journal = &journal_;
    options.node = options_.node;
    options.failed = options_.failed;
    options.replica.folder = folder_name(options_.data_folder, id);
    options.replica.cluster = cluster_;
    options.replica.shard = id;
    options.replica.kind =
        id == kDirectoryShard ? storage::ShardKind::kDirectory : storage::ShardKind::kMail;
    options.replica.segment_bytes = options_.segment_bytes;
    options.replica.index_cache_bytes = options_.index_cache_bytes;
    options.replica.undelete_window = options_.undelete_window;
    storage::ReplicaRecovery recovery;
    if (copies_) RETURN_IF_ERROR(take_seed_in(*options_.env, options.replica.folder));
    auto opened = Shard::open(options, recovery);
    if (!opened && opened.error().code == ErrorCode::kCorrupt && copies_) {
      log::error("a copy is damaged: mending it from another one",
                 {{"shard", id}, {"error", to_string(opened.error())}});
      RETURN_IF_ERROR(mend(options.replica, opened.error()));
      opened = Shard::open(options, recovery);
    }
    ASSIGN_OR_RETURN(auto shard, std::move(opened));
    const auto status = shard->status();
    journal_.add(
        id,
        {system_clock().wall(), status.epoch, recovery.log.torn_at.has_value(), "copy recovered",
         std::string(recovery.clean ? "closed cleanly before" : "after a crash") + ", " +
             std::to_string(recovery.log.records) + " records read, " +
             std::to_string(recovery.log.torn_bytes) + " bytes of an unfinished write cut off"});
    const double ms = static_cast<double>((system_clock().steady() - before).count()) / 1000;
    log::info("shard open", {{"shard", id},
                             {"epoch", status.epoch},
                             {"clean", recovery.clean ? "yes" : "no"},
                             {"log_end", status.end},
                             {"applied_before", recovery.applied},
                             {"records_scanned", recovery.log.records},
                             {"torn_bytes", recovery.log.torn_bytes},
                             {"ms", ms}});
    if (recovery.log.torn_at)
      log::warning(
          "an unfinished write at the end of the log was cut off: nothing in it had been "
          "acknowledged",
          {{"shard", id}, {"lsn", *recovery.log.torn_at}, {"bytes", recovery.log.torn_bytes}});
    if (options_.progress && !background_thread_.joinable())
      options_.progress("shard " + to_string(id) + " open, epoch " + to_string(status.epoch));
    return shard;
  }

  // A log that does not open for `why`.
  Result<void> mend(const storage::ReplicaOptions& replica, const Error& why) {
    ASSIGN_OR_RETURN(const auto meta,
                     storage::read_replica_meta(*options_.env, replica.folder + "/meta"));
    if (!meta) return why;
    storage::LogOptions log;
    log.folder = replica.folder + "/log";
    log.identity = {meta->cluster, meta->disk, meta->shard, meta->lineage};
    const auto mended = copies_->mend_closed(*options_.env, replica.shard, log);
    if (!mended) return in_context(why.context + "; mending it", mended.error());
    return {};
  }

  void stop_background() {
    if (garbage_) garbage_->stop();
    if (scrub_) scrub_->stop();
    if (!background_thread_.joinable()) return;
    stopping_ = true;
    asio::post(background_, [this] {
      housekeeping_->stop();
      for (const auto& shard : shards_) shard->watchers().notify({}, {}, true);
    });
    background_thread_.join();
  }

  NodeOptions options_;
  asio::thread_pool readers_;
  LogTime time_;
  WaitingBytes waiting_bytes_;
  DiskSpace space_;
  Journal journal_;
  std::unique_ptr<EmbeddedCoordinator> embedded_;  // a single node's
  std::unique_ptr<ClusterLinks> links_;            // a cluster node's
  Coordinator* coordinator_ = nullptr;
  Uuid cluster_{};
  std::unique_ptr<Copies> copies_;  // with links_
  const ShardsHere here_ = [this] { return all(); };
  mutable std::shared_mutex shards_mutex_;
  std::vector<std::unique_ptr<Shard>> shards_;  // the directory first; they come, and never go
  std::unique_ptr<GarbageKeeper> garbage_;
  std::unique_ptr<ScrubKeeper> scrub_;
  std::unique_ptr<LocalMailStore> local_mail_;
  std::unique_ptr<LocalDirectoryStore> local_directory_;
  std::unique_ptr<RemoteMailStore> remote_mail_;
  std::unique_ptr<RemoteDirectoryStore> remote_directory_;
  std::unique_ptr<MailServer> server_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<CopyServer> copy_server_;
  std::unique_ptr<Seeder> seeder_;
  asio::thread_pool copiers_{2};  // read the disk for other nodes' copies
  asio::thread_pool servers_{1};  // answers other nodes; never blocks
  bool is_new_ = false;           // the copy of the directory was empty
  MailStore* mail_ = nullptr;
  DirectoryStore* directory_ = nullptr;
  std::atomic<bool> stopping_{false};
  asio::io_context background_{1};
  std::unique_ptr<Housekeeping> housekeeping_;
  std::thread background_thread_;
  std::unique_ptr<Placer> placer_;  // a cluster node's
};

}  // namespace

Result<std::unique_ptr<Node>> Node::open(NodeOptions options) {
  auto node = std::make_unique<NodeOfShards>(std::move(options));
  RETURN_IF_ERROR(node->open());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace everpost::cluster
