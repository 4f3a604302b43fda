#include "node/admin/shard_balance.h"

#include <algorithm>

namespace everpost::node::admin {
namespace {

using Counts = std::map<ShardId, std::uint64_t>;
constexpr std::size_t kPage = 1000;

Result<Counts> count(const storage::DirectoryReader& reader) {
  Counts counts;
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(const auto accounts, reader.accounts(after, kPage));
    for (const storage::AccountRecord& account : accounts) ++counts[account.shard];
    if (accounts.size() < kPage) return counts;
    after = accounts.back().address;
  }
}

}  // namespace

Task<ShardId> ShardBalance::choose(cluster::DirectoryStore& directory,
                                   std::vector<ShardId> shards) {
  const auto now = std::chrono::steady_clock::now();
  if (!counted_ || now - *counted_ > kRecountAfter) {
    std::function<Result<Counts>(const storage::DirectoryReader&)> query = count;
    CO_ASSIGN_OR_RETURN(Counts counts, co_await directory.read<Counts>(std::move(query)));
    accounts_ = std::move(counts);
    counted_ = now;
  }
  const ShardId fewest =
      *std::ranges::min_element(shards, {}, [this](ShardId shard) { return accounts_[shard]; });
  ++accounts_[fewest];
  co_return fewest;
}

void ShardBalance::removed(ShardId shard) {
  const auto found = accounts_.find(shard);
  if (found != accounts_.end() && found->second > 0) --found->second;
}

}  // namespace everpost::node::admin
