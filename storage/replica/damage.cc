#include "storage/replica/damage.h"

namespace everpost::storage {
namespace {

class WatchedView final : public IndexView {
 public:
  WatchedView(std::unique_ptr<IndexView> view, std::shared_ptr<IndexDamage> damage,
              std::shared_ptr<const void> keep)
      : keep_(std::move(keep)), view_(std::move(view)), damage_(std::move(damage)) {}

  Result<std::optional<std::string>> get(std::string_view key) const override {
    return watched(view_->get(key));
  }
  Result<void> scan(std::string_view prefix, std::string_view from,
                    const std::function<Result<bool>(std::string_view key, std::string_view value)>&
                        visit) const override {
    return watched(view_->scan(prefix, from, visit));
  }

 private:
  template <class T>
  Result<T> watched(Result<T> result) const {
    if (!result && result.error().code == ErrorCode::kCorrupt) damage_->note(result.error());
    return result;
  }

  const std::shared_ptr<const void> keep_;
  const std::unique_ptr<IndexView> view_;
  const std::shared_ptr<IndexDamage> damage_;
};

}  // namespace

void IndexDamage::note(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = error;
}

std::optional<Error> IndexDamage::found() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

std::unique_ptr<IndexView> watch_for_damage(std::unique_ptr<IndexView> view,
                                            std::shared_ptr<IndexDamage> damage,
                                            std::shared_ptr<const void> keep) {
  return std::make_unique<WatchedView>(std::move(view), std::move(damage), std::move(keep));
}

}  // namespace everpost::storage
