#include "node/smtp/staging.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "node/smtp/limits.h"

namespace everpost::node::smtp {

Staging::Staging(cluster::MailStore& mail, ShardId shard, asio::any_io_executor executor)
    : mail_(mail),
      shard_(shard),
      executor_(std::move(executor)),
      upload_(random_uuid()),
      state_(std::make_shared<State>(executor_)) {}

const std::optional<Error>& Staging::error() const { return state_->error; }
bool Staging::in_flight() const { return state_->in_flight > 0; }
std::uint32_t Staging::count() const { return static_cast<std::uint32_t>(state_->chunks.size()); }

asio::awaitable<void> Staging::add(SharedBytes chunk, Memory memory) {
  co_await wait_for(kChunksInFlight - 1);
  const std::size_t n = state_->chunks.size();
  state_->chunks.push_back({chunk, std::move(memory), {}, false});
  if (state_->chunks.size() > kChunksKept) state_->give_up_kept();
  ++state_->in_flight;
  // Started in order: the call runs up to its first wait before co_spawn returns, or is posted.
  asio::co_spawn(executor_,
                 mail_.stage(shard_, upload_, static_cast<std::uint32_t>(n), std::move(chunk)),
                 [state = state_, n](std::exception_ptr failure, Result<storage::Extent> extent) {
                   if (failure) extent = Error{ErrorCode::kInternal, "stage: exception"};
                   state->on_stored(n, std::move(extent));
                 });
}

void Staging::State::on_stored(std::size_t n, Result<storage::Extent> extent) {
  --in_flight;
  Chunk& chunk = chunks[n];
  chunk.stored = extent.has_value();
  if (!chunk.stored || chunks.size() > kChunksKept) {
    chunk.bytes.reset();
    chunk.memory.clear();
  }
  if (chunk.stored)
    chunk.extent = *extent;
  else if (!error)
    error = std::move(extent).error();
  wake.cancel();
}

bool Staging::State::give_up_kept() {
  bool freed = false;
  for (Chunk& chunk : chunks) {
    if (!chunk.stored || !chunk.bytes) continue;
    chunk.bytes.reset();
    chunk.memory.clear();
    freed = true;
  }
  return freed;
}

bool Staging::forget_kept() { return state_->give_up_kept(); }

asio::awaitable<void> Staging::wait_for(std::size_t in_flight_at_most) {
  // The store's own deadlines bound this: each of its calls ends.
  while (state_->in_flight > in_flight_at_most) {
    state_->wake.expires_at(asio::steady_timer::time_point::max());
    co_await state_->wake.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<void> Staging::wait_a_while(std::chrono::steady_clock::duration at_most) {
  state_->wake.expires_after(at_most);
  co_await state_->wake.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> Staging::settle() {
  co_await wait_for(0);
  if (state_->error) co_return *state_->error;
  co_return Result<void>{};
}

void Staging::abort() { mail_.abort_upload(shard_, upload_); }

mime::ReadAt Staging::reader(const cluster::MailStore::BlockingRead& stored,
                             std::string_view tail) const {
  return [this, &stored, tail](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
    constexpr std::size_t kChunkBytes = cluster::MailStore::kChunkBytes;
    while (!to.empty()) {
      // All chunks but the last one are of the same size.
      const std::size_t n = std::min<std::uint64_t>(offset / kChunkBytes, state_->chunks.size());
      const std::size_t from = offset - n * kChunkBytes;
      const bool in_tail = n == state_->chunks.size();
      const Chunk* const chunk = in_tail ? nullptr : &state_->chunks[n];
      const std::size_t there = in_tail ? tail.size() : chunk->extent.bytes;
      if (from >= there)
        return Error{ErrorCode::kInvalidArgument, "a read beyond the end of the message"};
      const std::size_t bytes = std::min(to.size(), there - from);
      if (in_tail) {
        std::memcpy(to.data(), tail.data() + from, bytes);
      } else if (chunk->bytes) {
        std::memcpy(to.data(), chunk->bytes->data() + from, bytes);
      } else {
        RETURN_IF_ERROR(stored({chunk->extent}, from, to.first(bytes)));
      }
      offset += bytes;
      to = to.subspan(bytes);
    }
    return {};
  };
}

}  // namespace everpost::node::smtp
