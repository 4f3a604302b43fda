#include "cluster/coordinator/embedded.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/random.h"
#include "cluster/coordinator/shard_value.h"
#include "cluster/coordinator/value_text.h"

namespace everpost::cluster {
namespace {

constexpr std::uint64_t kFileBytesMax = 64 << 10;

std::string file_name(ShardId shard) {
  char name[24];
  std::snprintf(name, sizeof name, "shard-%04u", shard.value);
  return name;
}

}  // namespace

Result<std::unique_ptr<EmbeddedCoordinator>> EmbeddedCoordinator::open(storage::Env& env,
                                                                       const std::string& folder) {
  RETURN_IF_ERROR(env.make_folder(folder));
  std::unique_ptr<EmbeddedCoordinator> coordinator(new EmbeddedCoordinator(env, folder));
  RETURN_IF_ERROR(coordinator->load());
  coordinator->listeners_.set_reachable(true);
  coordinator->thread_ = std::thread([&self = *coordinator] { self.run(); });
  return coordinator;
}

Result<void> EmbeddedCoordinator::load() {
  const std::string identity = folder_ + "/identity";
  ASSIGN_OR_RETURN(const bool known, env_.exists(identity));
  if (known) {
    ASSIGN_OR_RETURN(const std::string text, storage::read_file(env_, identity, kFileBytesMax));
    const auto lines = checked_lines(text);
    if (!lines) return in_context(identity, lines.error());
    std::string_view rest = *lines;
    if (next_word(rest) == "cluster")
      if (const auto id = uuid_in(next_word(rest))) cluster_ = *id;
    if (cluster_ == Uuid{}) return Error{ErrorCode::kCorrupt, identity + ": no cluster id in it"};
  } else {
    cluster_ = random_uuid();
    RETURN_IF_ERROR(storage::write_file_atomically(
        env_, identity, as_bytes(with_crc("cluster " + hex(cluster_) + "\n"))));
  }
  ASSIGN_OR_RETURN(const auto names, env_.list(folder_));
  for (const std::string& name : names) {
    if (!name.starts_with("shard-")) continue;
    const auto id = number_in<std::uint32_t>(std::string_view(name).substr(6));
    if (!id) continue;  // a temporary file of an interrupted write
    const std::string path = folder_ + "/" + name;
    ASSIGN_OR_RETURN(const std::string text, storage::read_file(env_, path, kFileBytesMax));
    auto value = decode_shard_config(text);
    if (!value) return in_context(path, value.error());
    shards_.emplace(ShardId{*id}, *std::move(value));
  }
  return {};
}

Result<void> EmbeddedCoordinator::store(ShardId shard, const Versioned& value) {
  return storage::write_file_atomically(env_, folder_ + "/" + file_name(shard),
                                        as_bytes(encode(value)));
}

Result<std::vector<ShardId>> EmbeddedCoordinator::shards() {
  const std::scoped_lock lock(mutex_);
  std::vector<ShardId> ids;
  for (const auto& [id, value] : shards_) ids.push_back(id);
  return ids;
}

Result<Versioned> EmbeddedCoordinator::find(ShardId shard) {
  const std::scoped_lock lock(mutex_);
  const auto found = shards_.find(shard);
  if (found == shards_.end())
    return Error{ErrorCode::kNotFound, "the coordinator knows no shard " + to_string(shard)};
  return found->second;
}

Result<Versioned> EmbeddedCoordinator::create(ShardId shard, const ShardConfig& config) {
  const std::scoped_lock lock(mutex_);
  if (shards_.contains(shard))
    return Error{ErrorCode::kAlreadyExists, "shard " + to_string(shard) + " is there already"};
  const Versioned value{config, 1};
  RETURN_IF_ERROR(store(shard, value));
  shards_.emplace(shard, value);
  return value;
}

Result<std::uint64_t> EmbeddedCoordinator::replace(ShardId shard, std::uint64_t version,
                                                   const ShardConfig& config) {
  const std::scoped_lock lock(mutex_);
  const auto found = shards_.find(shard);
  if (found == shards_.end())
    return Error{ErrorCode::kNotFound, "the coordinator knows no shard " + to_string(shard)};
  if (found->second.version != version)
    return Error{ErrorCode::kConflict, "shard " + to_string(shard) + " is at version " +
                                           std::to_string(found->second.version) + ", not " +
                                           std::to_string(version)};
  const Versioned value{config, version + 1};
  RETURN_IF_ERROR(store(shard, value));
  found->second = value;
  return value.version;
}

void EmbeddedCoordinator::get(ShardId shard, Answer<Versioned> answer) {
  post([this, shard, answer = std::move(answer)] { answer(find(shard)); });
}

void EmbeddedCoordinator::compare_and_set(ShardId shard, std::uint64_t version,
                                          const ShardConfig& config, Answer<std::uint64_t> answer) {
  post([this, shard, version, config, answer = std::move(answer)] {
    const auto replaced = replace(shard, version, config);
    answer(replaced);
    if (replaced) listeners_.changed(shard);
  });
}

// Nobody else writes these files: what is known here is what is stored.
void EmbeddedCoordinator::verify(ShardId shard, std::uint64_t version, Answer<bool> answer) {
  post([this, shard, version, answer = std::move(answer)] {
    const auto found = find(shard);
    if (!found) return answer(found.error());
    answer(found->version == version);
  });
}

std::unique_ptr<Coordinator::Watch> EmbeddedCoordinator::watch(ShardId shard, Listener listener) {
  auto watch = listeners_.add(shard, std::move(listener));
  post([this] { listeners_.tell_reachable(); });
  return watch;
}

// ---- the thread

void EmbeddedCoordinator::post(std::function<void()> job) {
  const std::scoped_lock lock(jobs_mutex_);
  jobs_.push_back(std::move(job));
  wake_.notify_one();
}

void EmbeddedCoordinator::run() {
  std::unique_lock lock(jobs_mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

EmbeddedCoordinator::~EmbeddedCoordinator() {
  {
    const std::scoped_lock lock(jobs_mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace everpost::cluster
