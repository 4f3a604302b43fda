// Work for the transport's thread, from any other.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace everpost::rpc {

class Core;
using Job = std::move_only_function<void(Core*)>;

class JobQueue {
 public:
  JobQueue();
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // From any thread. After close() the job is dropped: destroyed without being called.
  void post(Job job);

  // The transport's thread waits until this file is readable, and then takes what there is.
  int file() const { return event_; }
  std::vector<Job> take();
  void close();

 private:
  const int event_;
  std::mutex mutex_;
  std::vector<Job> jobs_;
  bool signalled_ = false;  // the file is readable, or take() is about to be called
  bool closed_ = false;
};

}  // namespace everpost::rpc
