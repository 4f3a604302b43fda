#include "storage/replica/garbage.h"

#include <algorithm>

#include "storage/index/keys.h"
#include "storage/machine/mail/values.h"

namespace everpost::storage {
namespace {

constexpr std::size_t kBatch = 1024;
constexpr std::size_t kUnfinishedMax = 10'000;
constexpr std::uint64_t kCountedMax = 200'000;

// The parts of a body, joined where they follow each other in the log (the content and the summary
// of one record do).
std::vector<Log::Range> ranges_of(const mail::BodyValue& body) {
  std::vector<Log::Range> ranges;
  const auto add = [&](const Extent& extent) {
    if (extent.bytes == 0) return;
    if (!ranges.empty() && ranges.back().end() == extent.at)
      ranges.back().bytes += extent.bytes;
    else
      ranges.push_back({extent.at, extent.bytes});
  };
  for (const Extent& extent : body.content) add(extent);
  add(body.summary);
  return ranges;
}

}  // namespace

std::uint64_t Garbage::Dead::bytes() const {
  std::uint64_t sum = 0;
  for (const Log::Range& range : ranges) sum += range.bytes;
  return sum;
}

// Whether what a record killed may be given back. Asked in the order of the log: after the first no
// there is no further yes.
class Garbage::Due {
 public:
  Due(const Log& log, Lsn before, WallTime until) : log_(log), before_(before), until_(until) {}

  Result<bool> operator()(Lsn kill) {
    if (kill == last_) return true;
    if (kill >= before_) return false;
    // Before the log's begin it is older than all that is left.
    if (kill >= log_.begin()) {
      ASSIGN_OR_RETURN(const RecordHeader header, log_.read_header(kill));
      if (header.time > until_) return false;
    }
    last_ = kill;
    return true;
  }

 private:
  const Log& log_;
  const Lsn before_;
  const WallTime until_;
  std::optional<Lsn> last_;
};

Garbage::Garbage(Env& env, Options options, Log& log, const Index& index, Pins& pins)
    : env_(env), options_(std::move(options)), log_(log), index_(index), pins_(pins) {}

// The next dead bodies that may go, from next_ on, which moves behind them.
Result<std::vector<Garbage::Dead>> Garbage::next(const IndexView& view, Due& due) const {
  std::vector<Dead> batch;
  const auto visit = [&](std::string_view key, std::string_view value) -> Result<bool> {
    const auto at = keys::parse_dead_body(key);
    if (!at) return Error{ErrorCode::kCorrupt, "index: a key under X/ of a wrong length"};
    ASSIGN_OR_RETURN(const bool goes, due(at->kill));
    if (!goes) return false;
    ASSIGN_OR_RETURN(const mail::BodyValue body, mail::BodyValue::decode(value));
    batch.push_back({at->kill, at->body, ranges_of(body)});
    return batch.size() < kBatch;
  };
  RETURN_IF_ERROR(view.scan(keys::kDeadBodies, keys::dead_body(next_.kill, next_.key), visit));
  return batch;
}

Result<void> Garbage::give_back(const IndexView& view, std::vector<Dead> batch, GarbageRound& round,
                                const Log::Pace& pace) {
  std::vector<Log::Range> ranges;
  const Lsn sealed = log_.sealed_end();
  for (Dead& dead : batch) {
    ASSIGN_OR_RETURN(const auto alive, view.get(keys::body(dead.key)));
    if (alive)
      return Error{ErrorCode::kCorrupt, "index: the body at " + to_string(dead.key) +
                                            " is dead, killed at " + to_string(dead.kill) +
                                            ", and alive"};
    const bool complete =
        std::ranges::all_of(dead.ranges, [&](const auto& range) { return range.end() <= sealed; });
    if (complete) {
      ranges.insert(ranges.end(), dead.ranges.begin(), dead.ranges.end());
      ++round.bodies;
    } else {
      round.waiting_bytes += dead.bytes();
      ++round.waiting_bodies;
      unfinished_.push_back(std::move(dead));
    }
  }
  ASSIGN_OR_RETURN(const Log::Punched punched, log_.punch(ranges, pace));
  round.bytes += punched.bytes;
  round.punches += punched.punches;
  round.stopped = punched.stopped;
  return {};
}

Result<GarbageRound> Garbage::collect(Lsn durable_index, Micros now, const Log::Pace& pace) {
  const std::scoped_lock lock(mutex_);
  if (!hint_) {
    ASSIGN_OR_RETURN(hint_, HintFile::open(env_, options_.hint));
    next_ = {Lsn{hint_->found().first}, Lsn{hint_->found().second}};
  }
  const Lsn before = std::min(durable_index, pins_.oldest(now).applied.value_or(durable_index));
  const WallTime until{log_.last_time().micros - options_.undelete_window.count()};
  Due due(log_, before, until);
  // After the pins were asked: who comes later sees at least this state.
  const auto view = index_.snapshot();

  GarbageRound round;
  const auto step = [&](std::vector<Dead> batch) { return give_back(*view, batch, round, pace); };
  std::vector<Dead> again = unfinished_;
  unfinished_.clear();
  if (auto done = step(again); !done || round.stopped) {
    unfinished_ = std::move(again);
    RETURN_IF_ERROR(done);
    return round;
  }
  while (unfinished_.size() < kUnfinishedMax) {
    ASSIGN_OR_RETURN(const auto batch, next(*view, due));
    if (batch.empty()) break;
    const std::size_t before_batch = unfinished_.size();
    if (auto done = step(batch); !done || round.stopped) {
      unfinished_.resize(before_batch);  // the whole batch comes again
      RETURN_IF_ERROR(done);
      break;
    }
    next_ = {batch.back().kill, batch.back().key + 1};
  }
  RETURN_IF_ERROR(note());
  RETURN_IF_ERROR(count_waiting(*view, round));
  return round;
}

Result<void> Garbage::note() const {
  Position from = next_;
  for (const Dead& dead : unfinished_)
    if (dead.kill < from.kill || (dead.kill == from.kill && dead.key < from.key))
      from = {dead.kill, dead.key};
  return hint_->write({from.kill.value, from.key.value});
}

Result<void> Garbage::count_waiting(const IndexView& view, GarbageRound& round) const {
  return view.scan(keys::kDeadBodies, keys::dead_body(next_.kill, next_.key),
                   [&](std::string_view, std::string_view value) -> Result<bool> {
                     ASSIGN_OR_RETURN(const auto body, mail::BodyValue::decode(value));
                     for (const Log::Range& range : ranges_of(body))
                       round.waiting_bytes += range.bytes;
                     return ++round.waiting_bodies < kCountedMax;
                   });
}

}  // namespace everpost::storage
