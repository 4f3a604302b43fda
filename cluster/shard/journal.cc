#include "cluster/shard/journal.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/log.h"

namespace everpost::cluster {
namespace {

constexpr std::string_view kSuffix = ".events";
constexpr std::uint64_t kLoadBytes = 128 << 10;  // of each file at the start
constexpr std::size_t kRepeatsLookedAt = 4;

void append_text(std::string& to, std::string_view text) {
  for (const char c : text.substr(0, Journal::kTextBytesMax))
    to += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

std::string time_text(WallTime time) {
  const std::time_t seconds = time.micros / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(time.micros % 1'000'000));
  return text;
}

std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::size_t kBytes = 27;
  if (text.size() != kBytes) return std::nullopt;
  std::tm utc{};
  int micros = 0, used = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ%n", &utc.tm_year, &utc.tm_mon,
                  &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &micros, &used) != 7 ||
      used != static_cast<int>(kBytes) || utc.tm_year < 1970 || micros < 0)
    return std::nullopt;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return WallTime{timegm(&utc) * 1'000'000 + micros};
}

std::optional<std::string_view> next_field(std::string_view& rest) {
  const std::size_t end = rest.find('\t');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

std::optional<ShardId> shard_of(std::string_view name) {
  constexpr std::string_view kPrefix = "shard-";
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return ShardId{id};
}

}  // namespace

std::string encode(const JournalEntry& entry) {
  std::string line = time_text(entry.time) + '\t' + to_string(entry.epoch) + '\t' +
                     (entry.alarm ? "alarm" : "info") + '\t';
  append_text(line, entry.what);
  line += '\t';
  append_text(line, entry.why);
  line += '\n';
  return line;
}

std::optional<JournalEntry> decode_journal_line(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.size() > 3 * Journal::kTextBytesMax) return std::nullopt;
  const auto time_field = next_field(line);
  const auto epoch = next_field(line);
  const auto level = next_field(line);
  const auto what = next_field(line);
  if (!what || (*level != "alarm" && *level != "info") || what->empty()) return std::nullopt;
  const auto time = parse_time(*time_field);
  JournalEntry entry;
  const auto [end, error] =
      std::from_chars(epoch->data(), epoch->data() + epoch->size(), entry.epoch.value);
  if (!time || error != std::errc{} || end != epoch->data() + epoch->size()) return std::nullopt;
  entry.time = *time;
  entry.alarm = *level == "alarm";
  entry.what = *what;
  entry.why = line;
  return entry;
}

Journal::Journal(storage::Env* env, std::string folder) : env_(env), folder_(std::move(folder)) {
  if (!env_) return;
  if (auto made = env_->make_folder(folder_); !made)
    log::warning("no folder for the journal of events",
                 {{"folder", folder_}, {"error", to_string(made.error())}});
  if (const auto names = env_->list(folder_); names)
    for (const std::string& name : *names)
      if (const auto shard = shard_of(name)) load(*shard);
  thread_ = std::thread([this] { run(); });
}

Journal::~Journal() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::string Journal::path(ShardId shard) const {
  char name[32];
  std::snprintf(name, sizeof name, "/shard-%04u", shard.value);
  return folder_ + name + std::string(kSuffix);
}

void Journal::remember(ShardId shard, JournalEntry entry) {
  std::deque<JournalEntry>& entries = entries_[shard];
  entries.push_back(std::move(entry));
  if (entries.size() > kEntriesMax) entries.pop_front();
}

// Lines that a crash has cut, or anything else that is none, are passed over.
void Journal::load(ShardId shard) {
  for (const std::string& name : {path(shard) + ".1", path(shard)}) {
    const auto file = env_->open(name, storage::Env::Open::kRead);
    if (!file) continue;
    const auto size = (*file)->size();
    if (!size) continue;
    const std::uint64_t from = *size > kLoadBytes ? *size - kLoadBytes : 0;
    std::string text(*size - from, '\0');
    const auto read = (*file)->read(from, std::as_writable_bytes(std::span(text)));
    if (!read) continue;
    text.resize(*read);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (auto entry = decode_journal_line(std::string_view(text).substr(at, end - at)))
        remember(shard, *std::move(entry));
      at = end + 1;
    }
  }
}

void Journal::add(ShardId shard, JournalEntry entry) {
  const std::scoped_lock lock(mutex_);
  const std::deque<JournalEntry>& known = entries_[shard];
  const auto repeat = std::chrono::microseconds(kRepeatAfter).count();
  for (std::size_t i = 0; i < std::min(known.size(), kRepeatsLookedAt); ++i) {
    const JournalEntry& before = known[known.size() - 1 - i];
    const std::int64_t age = entry.time.micros - before.time.micros;
    if (before.what == entry.what && before.why == entry.why && before.epoch == entry.epoch &&
        age >= 0 && age < repeat)
      return;
  }
  if (env_ && unwritten_.size() < kUnwrittenMax) {
    unwritten_.push_back({shard, encode(entry)});
    wake_.notify_all();
  }
  remember(shard, std::move(entry));
}

std::vector<JournalEntry> Journal::read(ShardId shard, WallTime since, std::size_t limit) const {
  const std::scoped_lock lock(mutex_);
  std::vector<JournalEntry> found;
  const auto entries = entries_.find(shard);
  if (entries == entries_.end()) return found;
  for (const JournalEntry& entry : entries->second)
    if (entry.time >= since) found.push_back(entry);
  if (found.size() > limit) found.erase(found.begin(), found.end() - static_cast<long>(limit));
  return found;
}

bool Journal::flush(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return written_.wait_for(lock, at_most, [this] { return unwritten_.empty() && !writing_; });
}

void Journal::run() {
  bool failed = false;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !unwritten_.empty(); });
    if (unwritten_.empty()) return;
    const std::vector<Unwritten> work = std::exchange(unwritten_, {});
    writing_ = true;
    lock.unlock();
    std::map<ShardId, std::string> lines;
    for (const Unwritten& one : work) lines[one.shard] += one.line;
    for (const auto& [shard, text] : lines) {
      const auto done = write(shard, text);
      if (!done && !failed)
        log::warning("the journal of events cannot be written: events are kept in memory only",
                     {{"shard", shard}, {"error", to_string(done.error())}});
      failed = !done;
      if (!done) files_.erase(shard);
    }
    lock.lock();
    writing_ = false;
    written_.notify_all();
  }
}

Result<void> Journal::write(ShardId shard, std::string_view lines) {
  std::unique_ptr<storage::File>& file = files_[shard];
  if (!file) {
    ASSIGN_OR_RETURN(file, env_->open(path(shard), storage::Env::Open::kCreate));
  }
  ASSIGN_OR_RETURN(std::uint64_t size, file->size());
  if (size > 0 && size + lines.size() > kFileBytesMax) {
    file.reset();
    RETURN_IF_ERROR(env_->rename(path(shard), path(shard) + ".1"));
    ASSIGN_OR_RETURN(file, env_->open(path(shard), storage::Env::Open::kTruncate));
    size = 0;
  }
  return file->write(size, as_bytes(lines));
}

}  // namespace everpost::cluster
