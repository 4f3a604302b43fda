#include "rpc/job_queue.h"

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

#include "base/invariant.h"

namespace everpost::rpc {

JobQueue::JobQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  INVARIANT(event_ >= 0, "no file descriptors left at start-up");
}

JobQueue::~JobQueue() { ::close(event_); }

void JobQueue::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;  // `job` is destroyed after the lock
  jobs_.push_back(std::move(job));
  if (std::exchange(signalled_, true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

std::vector<Job> JobQueue::take() {
  std::uint64_t count;
  [[maybe_unused]] const auto read = ::read(event_, &count, sizeof count);
  const std::lock_guard lock(mutex_);
  signalled_ = false;
  return std::exchange(jobs_, {});
}

void JobQueue::close() {
  std::vector<Job> dropped;  // destroyed after the lock: a job may post another one as it goes
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(jobs_);
}

}  // namespace everpost::rpc
