#include "node/service_manager.h"

#include <systemd/sd-daemon.h>

#include "base/log.h"

namespace everpost::node::service_manager {

using namespace std::chrono_literals;

void ready(const std::string& status) { ::sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }
void status(const std::string& status) { ::sd_notify(0, ("STATUS=" + status).c_str()); }
void stopping(const std::string& status) {
  ::sd_notify(0, ("STOPPING=1\nSTATUS=" + status).c_str());
}

StartingTicker::StartingTicker()
    : thread_([this] {
        const auto begin = std::chrono::steady_clock::now();
        std::unique_lock lock(mutex_);
        while (!wake_.wait_for(lock, 5s, [this] { return done_; })) {
          const auto passed = std::chrono::duration_cast<std::chrono::seconds>(
              std::chrono::steady_clock::now() - begin);
          log::info("still recovering", {{"seconds", passed.count()}});
          ::sd_notify(0, "EXTEND_TIMEOUT_USEC=30000000");
        }
      }) {}

StartingTicker::~StartingTicker() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Watchdog::Watchdog(asio::io_context& context, IoThreads& threads)
    : timer_(context), threads_(threads) {
  std::uint64_t micros = 0;
  if (::sd_watchdog_enabled(0, &micros) > 0) every_ = std::chrono::microseconds(micros / 3);
}

void Watchdog::start() {
  if (!every_) return;
  *answered_ = threads_.size();
  tick();
}

void Watchdog::tick() {
  if (*answered_ == threads_.size()) {
    ::sd_notify(0, "WATCHDOG=1");
    *answered_ = 0;
    for (std::size_t n = 0; n < threads_.size(); ++n)
      asio::post(threads_.context(n), [answered = answered_] { answered->fetch_add(1); });
  }
  timer_.expires_after(*every_);
  timer_.async_wait([this](error_code failure) {
    if (!failure) tick();
  });
}

}  // namespace everpost::node::service_manager
