#include "cluster/disk_space.h"

#include <algorithm>

#include "base/log.h"

namespace everpost::cluster {
namespace {

// Does it store more than it takes away?
bool grows(const storage::MailCommand& command) {
  if (const auto* copy = std::get_if<storage::CopyMessages>(&command)) return !copy->move;
  return std::holds_alternative<storage::AddMessage>(command) ||
         std::holds_alternative<storage::QueueAdd>(command);
}

}  // namespace

void DiskSpace::look() {
  const auto space = env_.space(options_.folder);
  if (!space) {
    if (!std::exchange(asked_in_vain_, true))
      log::warning("cannot tell how full the disk is",
                   {{"folder", options_.folder}, {"error", to_string(space.error())}});
    return;  // what was known stays
  }
  asked_in_vain_ = false;
  std::uint64_t mark = 0;
  if (options_.min_free_percent > 0)
    mark = std::max(options_.min_free_bytes,
                    static_cast<std::uint64_t>(static_cast<double>(space->total_bytes) *
                                               options_.min_free_percent / 100));
  total_ = space->total_bytes;
  free_ = space->free_bytes;
  mark_ = mark;
  const bool was = low_;
  const bool now = space->free_bytes < (was ? mark + mark / 4 : mark);
  if (now == was) return;
  low_ = now;
  if (now)
    log::error("the disk is nearly full: new mail is refused until there is space again",
               {{"folder", options_.folder},
                {"free_bytes", space->free_bytes},
                {"mark_bytes", mark},
                {"remedy",
                 "enlarge the file system, or remove other files from it; the mark is "
                 "min_free_percent in [node]"}});
  else
    log::info("the disk has space again: new mail is taken",
              {{"folder", options_.folder}, {"free_bytes", space->free_bytes}});
}

Error DiskSpace::refuse() {
  ++refused_;
  return {ErrorCode::kNoSpace, "only " + std::to_string(free_ >> 20) +
                                   " MiB are free on the file system of " + options_.folder +
                                   ": no new mail below " + std::to_string(mark_ >> 20) + " MiB"};
}

Result<void> DiskSpace::admit(const storage::MailTxn& txn) {
  if (low() && std::ranges::any_of(txn.commands, grows)) return refuse();
  return {};
}

Result<void> DiskSpace::admit_upload() {
  if (low()) return refuse();
  return {};
}

DiskSpace::Status DiskSpace::status() const { return {total_, free_, mark_, low_, refused_}; }

}  // namespace everpost::cluster
