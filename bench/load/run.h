// One load run: what its sessions share.
#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "base/asio.h"
#include "bench/load/options.h"
#include "bench/load/stats.h"

namespace everpost::load {

struct Run {
  const Options& options;
  Report& report;
  std::FILE* ledger = nullptr;
  std::uint64_t id = 0;  // random: this run's Message-IDs
  std::chrono::steady_clock::time_point begin, end;
  std::uint64_t started = 0;  // operations

  // Whether one more operation may start; counts it.
  bool take() {
    if (std::chrono::steady_clock::now() >= end) return false;
    if (options.operations > 0 && started >= options.operations) return false;
    ++started;
    return true;
  }
  // Waits for this operation's turn, if the rate is limited.
  asio::awaitable<void> pace();
};

// "user%03d@x" with the account's number (1 or more) in the place of "%03d".
std::string numbered(const std::string& pattern, unsigned number);

// One session each, `index` from 0; they end with the run.
asio::awaitable<void> smtp_session(Run& run, unsigned index);
asio::awaitable<void> imap_session(Run& run, unsigned index);

}  // namespace everpost::load
