#include "storage/log/ready_segment.h"

namespace everpost::storage {

ReadySegment::ReadySegment(Env& env, std::string folder, std::uint64_t bytes)
    : env_(env),
      folder_(std::move(folder)),
      path_(folder_ + "/" + std::string(kName)),
      bytes_(bytes) {}

void ReadySegment::prepare(std::move_only_function<void()> first) {
  wait();
  running_ = env_.in_background([this, first = std::move(first)]() mutable {
    first();
    if (file_) return;
    if (auto made = make()) file_ = *std::move(made);
  });
}

void ReadySegment::wait() {
  if (running_.valid()) running_.get();
}

Result<std::shared_ptr<File>> ReadySegment::take() {
  wait();
  if (file_) return std::exchange(file_, nullptr);
  return make();
}

Result<std::shared_ptr<File>> ReadySegment::make() {
  const auto work = [&]() -> Result<std::shared_ptr<File>> {
    // Emptied first, so that no byte of an earlier use can come back (hazard H28).
    ASSIGN_OR_RETURN(std::shared_ptr<File> file, env_.open(path_, Env::Open::kTruncate));
    RETURN_IF_ERROR(file->allocate(0, bytes_));
    RETURN_IF_ERROR(file->sync());
    RETURN_IF_ERROR(env_.sync_folder(folder_));
    return file;
  };
  auto file = work();
  if (!file) (void)env_.remove(path_);  // gives the space back; it may not even be there
  return file;
}

}  // namespace everpost::storage
