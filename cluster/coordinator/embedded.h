// The coordinator of a single node: its values are files on the node's own disk, one for each
// shard.
//
//   <folder>/identity     the cluster's id, made once
//   <folder>/shard-0007   the shard's configuration, replaced atomically
//
// docs/formats/coordinator.md has the details. Both are text, one "name value" a line, ending with
// a "crc" line over what is before it. A thread of its own writes them and answers, so that nobody
// else waits for the disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "cluster/coordinator/coordinator.h"
#include "cluster/coordinator/listeners.h"
#include "storage/env/env.h"

namespace everpost::cluster {

class EmbeddedCoordinator : public Coordinator {
 public:
  // Opens it, making folder and identity the first time. Errors: kCorrupt naming the file, kIo.
  static Result<std::unique_ptr<EmbeddedCoordinator>> open(storage::Env& env,
                                                           const std::string& folder);

  // Does first what was asked for.
  ~EmbeddedCoordinator() override;

  Uuid cluster() const { return cluster_; }

  // Errors of the disk: kIo, kNoSpace. There are no deadlines: an answer is as sure as the disk is.
  void get(ShardId shard, Answer<Versioned> answer) override;
  void compare_and_set(ShardId shard, std::uint64_t version, const ShardConfig& config,
                       Answer<std::uint64_t> answer) override;
  void verify(ShardId shard, std::uint64_t version, Answer<bool> answer) override;
  std::unique_ptr<Watch> watch(ShardId shard, Listener listener) override;
  bool is_on_own_disk() const override { return true; }

  Result<std::vector<ShardId>> shards() override;
  Result<Versioned> create(ShardId shard, const ShardConfig& config) override;

 private:
  EmbeddedCoordinator(storage::Env& env, std::string folder)
      : env_(env), folder_(std::move(folder)) {}
  Result<void> load();
  Result<void> store(ShardId shard, const Versioned& value);
  Result<Versioned> find(ShardId shard);
  Result<std::uint64_t> replace(ShardId shard, std::uint64_t version, const ShardConfig& config);
  void post(std::function<void()> job);
  void run();

  storage::Env& env_;
  const std::string folder_;
  Uuid cluster_{};
  std::mutex mutex_;  // of the values
  std::map<ShardId, Versioned> shards_;
  Listeners listeners_;

  std::mutex jobs_mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace everpost::cluster
