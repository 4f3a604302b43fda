#include "node/imap/commands/staging.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kUnderWay = 3;

}  // namespace

Staging::Staging(cluster::MailStore& mail, ShardId shard, asio::any_io_executor executor)
    : mail_(mail), shard_(shard), state_(std::make_shared<State>(std::move(executor))) {}

Task<void> Staging::add(SharedBytes piece, MemoryBudget::Share share) {
  CO_CHECK(co_await wait_until(kUnderWay - 1));
  const std::uint32_t n = pieces_++;
  state_->extents.resize(pieces_);
  ++state_->under_way;
  asio::co_spawn(state_->progress.get_executor(), mail_.stage(shard_, upload_, n, std::move(piece)),
                 [state = state_, n, share = std::move(share)](std::exception_ptr failure,
                                                               Result<storage::Extent> staged) {
                   if (failure)
                     state->error = Error{ErrorCode::kInternal, "staging a piece of a message"};
                   else if (staged)
                     state->extents[n] = *staged;
                   else
                     state->error = std::move(staged).error();
                   --state->under_way;
                   state->progress.cancel();
                 });
  co_return Result<void>{};
}

Task<void> Staging::finish() { return wait_until(0); }

void Staging::abort() {
  if (pieces_ > 0) mail_.abort_upload(shard_, upload_);
}

std::vector<storage::Extent> Staging::extents() const { return state_->extents; }

Task<void> Staging::wait_until(std::size_t most_under_way) {
  while (state_->under_way > most_under_way) {
    state_->progress.expires_at(asio::steady_timer::time_point::max());
    co_await state_->progress.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (state_->error) co_return *state_->error;
  co_return Result<void>{};
}

}  // namespace everpost::node::imap
