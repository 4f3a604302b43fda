#include "cluster/disk_failures.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace everpost::cluster {
namespace {

constexpr std::size_t kLinesMax = 16, kLineBytesMax = 400;

struct Failure {
  std::chrono::sys_seconds when;
  std::string line;
};

std::string file_name(const std::string& data_folder) { return data_folder + "/disk-failures"; }

// One from the future counts: the clock was set back, and the disk is no better for it.
bool counts(const Failure& failure, std::chrono::sys_seconds now) {
  return now - failure.when < kDiskFailuresCount;
}

std::optional<Failure> parse(std::string line) {
  std::int64_t seconds = 0;
  const auto [end, bad] = std::from_chars(line.data(), line.data() + line.size(), seconds);
  if (bad != std::errc{} || seconds < 0) return std::nullopt;
  return Failure{std::chrono::sys_seconds(std::chrono::seconds(seconds)), std::move(line)};
}

// Those that count, the newest last. Lines that nobody here has written are passed over.
std::vector<Failure> read(const std::string& file, std::chrono::sys_seconds now) {
  std::vector<Failure> failures;
  std::ifstream stream(file, std::ios::binary);
  char text[kLineBytesMax + 1];
  for (std::size_t n = 0; n < kLinesMax && stream.getline(text, sizeof text); ++n)
    if (auto failure = parse(text); failure && counts(*failure, now))
      failures.push_back(std::move(*failure));
  return failures;
}

void write(const std::string& file, const std::vector<Failure>& failures) {
  const std::string fresh = file + ".new";
  {
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    for (const Failure& failure : failures) stream << failure.line << '\n';
    if (!stream.flush()) return;
  }
  // No sync: the page cache outlives the process, and that disk has just failed one.
  std::rename(fresh.c_str(), file.c_str());
}

void add(const std::string& data_folder, std::string what, std::chrono::sys_seconds now) {
  std::ranges::replace_if(what, [](unsigned char c) { return c < ' '; }, ' ');
  Failure failure{now, std::to_string(now.time_since_epoch().count()) + " " + what};
  failure.line.resize(std::min(failure.line.size(), kLineBytesMax - 1));
  auto failures = read(file_name(data_folder), now);
  failures.push_back(std::move(failure));
  if (failures.size() >= kLinesMax) failures.erase(failures.begin());
  write(file_name(data_folder), failures);
}

}  // namespace

void note_disk_failure(const std::string& data_folder, const std::string& what,
                       std::chrono::sys_seconds now) {
  const auto done = std::make_shared<std::promise<void>>();
  std::thread([=] {
    add(data_folder, what, now);
    done->set_value();
  }).detach();
  done->get_future().wait_for(std::chrono::seconds{1});
}

Result<void> check_disk_failures(const std::string& data_folder, std::chrono::sys_seconds now) {
  const std::string file = file_name(data_folder);
  const auto failures = read(file, now);
  if (failures.size() < 2) return {};
  return Error{ErrorCode::kIo,
               "the disk of " + data_folder + " has failed " + std::to_string(failures.size()) +
                   " times within an hour (the last: " + failures.back().line +
                   "), so this node does not start. Check the disk (dmesg, smartctl -a) and "
                   "replace it if it is bad; then remove " +
                   file + " and start again"};
}

}  // namespace everpost::cluster
