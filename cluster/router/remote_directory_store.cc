#include "cluster/router/remote_directory_store.h"

#include "cluster/coordinator/shard_config.h"

namespace everpost::cluster {
namespace {

constexpr std::chrono::milliseconds kLookEvery{5};

Task<Answer> submit_here(DirectoryStore& local, storage::DirectoryTxn txn) {
  CO_ASSIGN_OR_RETURN(auto outcome, co_await local.submit(std::move(txn)));
  co_return Answer(std::move(outcome));
}

}  // namespace

Task<storage::DirectoryOutcome> RemoteDirectoryStore::submit(storage::DirectoryTxn txn) {
  auto here = [this, txn] { return submit_here(local_, txn); };
  CO_ASSIGN_OR_RETURN(
      Answer answer,
      co_await route_.ask({kDirectoryShard, SubmitDirectoryRequest{std::move(txn)}}, here));
  auto* outcome = std::get_if<storage::DirectoryOutcome>(&answer);
  if (!outcome)
    co_return Error{ErrorCode::kCorrupt, "a node answered something else than it was asked"};
  // Its record begins at the LSN, so the change is applied once more than that is.
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const auto until = std::chrono::steady_clock::now() + kCatchUp;
  while (local_.version() <= outcome->lsn.value && !route_.stopped() &&
         std::chrono::steady_clock::now() < until) {
    timer.expires_after(kLookEvery);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return std::move(*outcome);
}

Task<void> RemoteDirectoryStore::read_any(
    std::function<Result<void>(const storage::DirectoryReader&)> query) {
  // A base class's protected member is out of reach through another object.
  CO_CHECK(co_await local_.read<bool>([&](const storage::DirectoryReader& reader) -> Result<bool> {
    RETURN_IF_ERROR(query(reader));
    return true;
  }));
  co_return Result<void>{};
}

}  // namespace everpost::cluster
