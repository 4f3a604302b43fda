#include "storage/replica/scrub.h"

#include <algorithm>

namespace everpost::storage {
namespace {

bool passed(WallTime since, Micros period, WallTime now) {
  // A clock that went back is no reason to wait for longer than a period.
  return now < since || now.micros - since.micros >= period.count();
}

WallTime time_of(std::uint64_t micros) { return {static_cast<std::int64_t>(micros)}; }

}  // namespace

Scrub::Scrub(Env& env, Options options, const Log& log, Clean check_index)
    : env_(env), options_(std::move(options)), log_(log), check_index_(std::move(check_index)) {}

Result<void> Scrub::open() {
  if (index_hint_) return {};
  ASSIGN_OR_RETURN(log_hint_, HintFile::open(env_, options_.folder + "/scrub"));
  next_ = Lsn{log_hint_->found().first};
  pass_began_ = time_of(log_hint_->found().second);
  ASSIGN_OR_RETURN(index_hint_, HintFile::open(env_, options_.folder + "/scrub_index"));
  index_began_ = time_of(index_hint_->found().first);
  return {};
}

Result<Scrub::Step> Scrub::step(WallTime now, const Log::Pace& pace) {
  RETURN_IF_ERROR(open());
  if (passed(index_began_, options_.index_every, now)) return check_index(now, pace);
  if (next_ >= log_.sealed_end()) {
    if (!passed(pass_began_, options_.log_every, now)) return Step::kIdle;
    next_ = Lsn{};
  }
  if (next_ <= log_.begin()) {
    next_ = log_.begin();
    pass_began_ = now;
  }
  if (next_ >= log_.sealed_end()) return Step::kIdle;  // no segment is complete yet
  ASSIGN_OR_RETURN(const auto end, log_.scrub(next_, pace, [this](const Log::Finding& finding) {
    found(finding);
  }));
  if (!end) return Step::kIdle;  // stopped by the pace: the segment comes again
  next_ = *end;
  RETURN_IF_ERROR(log_hint_->write({next_.value, static_cast<std::uint64_t>(pass_began_.micros)}));
  return next_ >= log_.sealed_end() ? Step::kLogPassDone : Step::kSegment;
}

Result<Scrub::Step> Scrub::check_index(WallTime now, const Log::Pace& pace) {
  ASSIGN_OR_RETURN(const auto lines, check_index_(pace));
  for (const std::string& line : lines) found({Lsn{}, 0, line});
  index_began_ = now;
  RETURN_IF_ERROR(index_hint_->write({static_cast<std::uint64_t>(now.micros), 0}));
  return Step::kIndexPassDone;
}

void Scrub::found(const Log::Finding& finding) {
  {
    const std::scoped_lock lock(mutex_);
    ++findings_.count;
    auto& latest = findings_.latest;
    if (latest.size() == ScrubFindings::kKeptMax) latest.erase(latest.begin());
    latest.push_back(finding);
  }
  if (on_finding_) on_finding_(finding);
}

ScrubFindings Scrub::findings() const {
  const std::scoped_lock lock(mutex_);
  return findings_;
}

}  // namespace everpost::storage
