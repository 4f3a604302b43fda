// How full the file system of the data folder is, and whether new mail may still come in (H25).
//
// A disk that is really full ends the daemon: LevelDB cannot write any more. So there is a mark
// well before. Below it new mail (deliveries, APPEND, COPY, uploads) is refused with kNoSpace,
// while what makes the mailboxes no larger (flags, EXPUNGE, MOVE, deletions, reading) goes on out
// of what is left. Mail is taken again once a quarter of the mark more is free, so that a disk at
// the mark does not make it swing.
//
// look() is called by one thread at a time, everything else from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "storage/env/env.h"
#include "storage/machine/mail_command.h"

namespace everpost::cluster {

class DiskSpace {
 public:
  struct Options {
    std::string folder;
    double min_free_percent = 5;  // of the file system; 0: no mark, not even min_free_bytes
    // The mark is not below this: on a small file system a few percent would not hold the segments
    // that the next flag needs.
    std::uint64_t min_free_bytes = 0;
  };
  struct Status {
    std::uint64_t total_bytes = 0, free_bytes = 0;
    std::uint64_t mark_bytes = 0;  // below it new mail is refused
    bool low = false;
    std::uint64_t refused = 0;  // changes, since the start
  };

  DiskSpace(storage::Env& env, Options options) : env_(env), options_(std::move(options)) {}

  // Asks the operating system; logs when the answer has changed. Blocks.
  void look();
  bool low() const { return low_.load(std::memory_order_relaxed); }
  // Errors: kNoSpace, naming the folder.
  Result<void> admit(const storage::MailTxn& txn);
  Result<void> admit_upload();
  Status status() const;

 private:
  Error refuse();

  storage::Env& env_;
  const Options options_;
  std::atomic<std::uint64_t> total_{0}, free_{0}, mark_{0}, refused_{0};
  std::atomic<bool> low_{false};
  bool asked_in_vain_ = false;
};

}  // namespace everpost::cluster
