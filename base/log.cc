#include "base/log.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <pthread.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <thread>
#include <vector>

#include "base/invariant.h"

namespace everpost::log {
namespace {

using Logger = std::shared_ptr<spdlog::logger>;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

Logger make(spdlog::sink_ptr sink, Level level) {
  auto logger = std::make_shared<spdlog::logger>("everpost", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%fZ %-7l %v", spdlog::pattern_time_type::utc));
  logger->set_level(to_spdlog(level));
  return logger;
}

Logger& slot() {
  static Logger logger = make(std::make_shared<spdlog::sinks::stderr_sink_mt>(), Level::kInfo);
  return logger;
}

Logger current() { return std::atomic_load(&slot()); }

struct Line {
  Logger logger;  // of when it was logged: a reload does not redirect what waits
  spdlog::log_clock::time_point time;
  spdlog::level::level_enum level;
  std::string text;
};

// The logger reports its own failures on stderr and does not throw.
void put(const Line& line) { line.logger->log(line.time, {}, line.level, line.text); }

// The lines that wait for the Writer's thread.
class Queue {
 public:
  // Takes the line. False: there is no thread; the caller keeps it, and writes it.
  bool add(Line& line) {
    const std::lock_guard lock(mutex_);
    if (!running_) return false;
    const bool urgent = line.level >= spdlog::level::warn;
    if (waiting_.size() >= Writer::kLinesMax + (urgent ? Writer::kReserve : 0)) {
      ++lost_;
      return true;
    }
    waiting_.push_back(std::move(line));
    ++added_;
    filled_.notify_one();
    return true;
  }

  bool flush(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, at_most,
                             [this, last = added_] { return !running_ || done_ >= last; });
  }

  void start() {
    std::unique_lock lock(mutex_);
    const bool first = !running_;
    if (first) {
      running_ = true;
      stopping_ = false;
      thread_ = std::thread([this] { run(); });
      ::pthread_setname_np(thread_.native_handle(), "log-writer");
    }
    lock.unlock();  // a broken invariant flushes this very queue
    INVARIANT(first, "one log::Writer at a time");
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      filled_.notify_one();
    }
    thread_.join();
  }

 private:
  void run() {
    std::vector<Line> batch;
    std::unique_lock lock(mutex_);
    for (;;) {
      filled_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) break;
      batch.swap(waiting_);
      const std::uint64_t lost = std::exchange(lost_, 0);
      lock.unlock();
      for (const Line& line : batch) put(line);
      if (lost > 0)
        put({current(), spdlog::log_clock::now(), spdlog::level::warn,
             "log lines lost: the log's disk is too slow count=" + std::to_string(lost)});
      batch.back().logger->flush();
      current()->flush();
      const std::size_t lines = batch.size();
      batch.clear();
      lock.lock();
      done_ += lines;
      written_.notify_all();
    }
    running_ = false;  // from here on whoever logs writes by itself
    written_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable filled_, written_;
  std::vector<Line> waiting_;
  std::uint64_t added_ = 0, done_ = 0, lost_ = 0;
  bool running_ = false, stopping_ = false;
  std::thread thread_;
};

// Never destroyed: threads log until the process ends.
Queue& queue() {
  static Queue* const instance = new Queue;
  return *instance;
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (const unsigned char c : value)
    if (c <= ' ' || c == '"' || c == '\\' || c == 127) return false;
  return true;
}

void append_value(std::string& line, std::string_view value) {
  if (plain(value)) {
    line += value;
    return;
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  line += '"';
  for (const unsigned char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += static_cast<char>(c);
    } else if (c < ' ' || c == 127) {
      line += "\\x";
      line += kDigits[c >> 4];
      line += kDigits[c & 15];
    } else {
      line += static_cast<char>(c);
    }
  }
  line += '"';
}

}  // namespace

Field::Field(std::string_view n, double v) : name(n) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", v);
  value = text;
}

void open(Level level, const std::string& file) {
  spdlog::sink_ptr sink;
  if (file.empty())
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
  std::atomic_store(&slot(), make(std::move(sink), level));
}

bool enabled(Level level) { return current()->should_log(to_spdlog(level)); }

void write(Level level, std::string_view event, Fields fields) {
  const auto logger = current();
  if (!logger->should_log(to_spdlog(level))) return;
  std::string line(event);
  for (const Field& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_value(line, field.value);
  }
  Line complete{logger, spdlog::log_clock::now(), to_spdlog(level), std::move(line)};
  if (queue().add(complete)) return;
  put(complete);
  logger->flush();
}

Writer::Writer() { queue().start(); }
Writer::~Writer() { queue().stop(); }

bool flush(std::chrono::milliseconds at_most) { return queue().flush(at_most); }

}  // namespace everpost::log
