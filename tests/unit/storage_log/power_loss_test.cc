// Random work on a log, a crash at a random moment, and the same again: what was synced is there,
// and nothing that was never appended. EVERPOST_SEEDS asks for more seeds than the usual ones.
#include <cstdlib>
#include <random>

#include "tests/unit/storage_log/log_fixture.h"

namespace everpost::storage {
namespace {

// One trial. `records` is what was appended, in order; the first `durable` of them were synced.
class Trial {
 public:
  explicit Trial(std::uint64_t seed) : env_(seed), random_(seed * 2654435761u) {
    options_.segment_bytes = 16 << 10;
    options_.group_bytes_max = 4 << 10;
    if (seed % 2 == 0) return;
    // Groups of several blocks, of which the whole ones go past the page cache.
    options_.segment_bytes = 128 << 10;
    options_.group_bytes_max = 48 << 10;
    options_.direct_bytes_min = 6 << 10;
    body_bytes_ = 12'000;
    if (seed % 8 == 1) env_.refuse_direct();
  }

  void go() {
    for (int life = 0; life < 4 && !testing::Test::HasFatalFailure(); ++life) {
      start();
      if (testing::Test::HasFatalFailure()) return;
      if (chance(2)) env_.stop_at(env_.operations() + 1 + below(60));
      if (chance(4)) fault_ = true;
      env_.defer_background(chance(2));
      work();
      log_.reset();
      // A crash of the process, or of the machine with whatever its disk kept.
      same_boot_ = chance(2);
      env_.crash(same_boot_ ? MemoryEnv::Crash::kProcess : MemoryEnv::Crash::kPower,
                 0.25 * static_cast<double>(below(5)));
    }
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t of) { return below(of) == 0; }

  void start() {
    // The hint is not synced itself: after a power loss it may be an old one.
    const Lsn durable = durable_ == 0 ? Lsn{} : ends_[durable_ - 1];
    const Lsn hint = same_boot_ || chance(2) || durable_ == 0 ? durable : ends_[below(durable_)];
    Log::Start start{
        .scan_from = {}, .durable_hint = hint, .clean = false, .same_boot = same_boot_};
    if (chance(2) && durable_ > 0) start.scan_from = ends_[below(durable_)];
    if (chance(3)) {  // it may well crash while it recovers
      env_.stop_at(env_.operations() + 1 + below(40));
      (void)open_log(env_, start, options_);
      same_boot_ = same_boot_ && chance(2);
      start.same_boot = same_boot_;
      env_.crash(same_boot_ ? MemoryEnv::Crash::kProcess : MemoryEnv::Crash::kPower);
    }
    auto opened = open_log(env_, start, options_);
    ASSERT_OK(opened);
    log_ = std::move(opened->log);
    check();
  }

  // The log holds all that was durable, perhaps some of what came after, and nothing else.
  void check() {
    const auto seen = scan_all(*log_);
    ASSERT_OK(seen);
    ASSERT_GE(seen->size(), durable_);
    ASSERT_LE(seen->size(), records_.size());
    for (std::size_t i = 0; i < seen->size(); ++i) ASSERT_EQ((*seen)[i], records_[i]) << i;
    records_.resize(seen->size());
    ends_.resize(seen->size());
    epochs_.resize(seen->size());
    durable_ = records_.size();  // open() has made it so
    ASSERT_EQ(log_->end(), ends_.empty() ? Lsn{} : ends_.back());
    ASSERT_EQ(log_->durable(), log_->end());
    ASSERT_EQ(log_->verify().value_or(std::vector<std::string>{"?"}), std::vector<std::string>{});
  }

  void work() {
    for (int step = 0; step < 30; ++step) {
      switch (below(12)) {
        case 0:
          // Of another primary's log the last record may be of an older epoch than this one's
          // last segment, which then has none.
          if (chance(4))
            epoch_ = epochs_.empty() ? Epoch{1} : epochs_.back();
          else
            epoch_.value += static_cast<std::uint32_t>(below(2));
          if (!log_->roll(epoch_)) return;
          durable_ = records_.size();
          break;
        case 1:
          if (!truncate()) return;
          break;
        default:
          if (!append()) return;
          if (!chance(4) && !sync()) return;
      }
    }
  }

  bool append() {
    std::vector<NewRecord> group;
    std::vector<Seen> seen;
    const std::size_t count = 1 + below(4);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string meta = text(++number_, below(40));
      const std::string body = chance(3) ? "" : text(number_, below(body_bytes_));
      group.push_back(record(meta, body));
      seen.push_back({{}, meta, body});
    }
    if (fault_ && chance(8)) env_.fail_next_write();
    // The record is in the log from the moment it is tried: how much of it, a crash decides.
    Lsn at = log_->end();
    const std::size_t before = records_.size();
    for (std::size_t i = 0; i < count; ++i) {
      seen[i].lsn = at;
      at = at + 64 + pad8(seen[i].meta.size()) + pad8(seen[i].body.size());
      records_.push_back(seen[i]);
      ends_.push_back(at);
      epochs_.push_back(epoch_);
    }
    const Lsn durable = log_->durable();
    const auto headers = log_->append(epoch_, durable, group);
    while (durable_ < before && ends_[durable_] <= log_->durable()) ++durable_;
    if (!headers) {
      EXPECT_EQ(headers.error().code, ErrorCode::kIo) << why(headers.error());
      return false;
    }
    EXPECT_EQ(log_->end(), ends_.back());
    return true;
  }

  bool sync() {
    if (fault_ && chance(8))
      env_.fail_next_sync(chance(2) ? MemoryEnv::SyncFault::kKeeps
                                    : MemoryEnv::SyncFault::kReverts);
    if (!log_->sync()) return false;
    durable_ = records_.size();
    return true;
  }

  bool truncate() {
    if (records_.empty()) return true;
    const std::size_t keep =
        records_.size() - 1 - below(std::min<std::size_t>(records_.size(), 12));
    // Should it be interrupted, anything between may be what is left.
    durable_ = std::min(durable_, keep);
    if (!log_->truncate(records_[keep].lsn)) return false;
    records_.resize(keep);
    ends_.resize(keep);
    epochs_.resize(keep);
    durable_ = keep;
    return true;
  }

  LogOptions options_ = small_log();
  MemoryEnv env_;
  std::mt19937_64 random_;
  std::unique_ptr<Log> log_;
  Epoch epoch_{1};
  std::vector<Seen> records_;
  std::vector<Lsn> ends_;
  std::vector<Epoch> epochs_;
  std::size_t durable_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t body_bytes_ = 900;
  bool same_boot_ = true;
  bool fault_ = false;
};

TEST(PowerLoss, LosesNothingThatWasSyncedAndInventsNothing) {
  const char* asked = std::getenv("EVERPOST_SEEDS");
  const std::uint64_t seeds = asked ? std::strtoull(asked, nullptr, 10) : 1500;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Trial(seed).go();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace everpost::storage
