#include "tests/simulation/map_index.h"

#include <optional>

#include "storage/index/digest.h"

namespace everpost::simulation {
namespace {

using Visit = std::function<Result<bool>(std::string_view, std::string_view)>;

std::optional<std::string> get_from(const KeyValues& values, std::string_view key) {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

Result<void> scan_from(const KeyValues& values, std::string_view prefix, std::string_view from,
                       const Visit& visit) {
  auto at = values.lower_bound(std::max(prefix, from));
  while (at != values.end() && at->first.starts_with(prefix)) {
    const std::string key = at->first;  // `visit` may remove it
    ASSIGN_OR_RETURN(const bool more, visit(key, std::string(at->second)));
    if (!more) break;
    at = values.upper_bound(key);
  }
  return {};
}

class MapView final : public storage::IndexView {
 public:
  explicit MapView(const KeyValues& values) : values_(values) {}
  Result<std::optional<std::string>> get(std::string_view key) const override {
    return get_from(values_, key);
  }
  Result<void> scan(std::string_view prefix, std::string_view from,
                    const Visit& visit) const override {
    return scan_from(values_, prefix, from, visit);
  }

 private:
  const KeyValues& values_;
};

}  // namespace

// Writes through; what a command that fails has written is undone.
class MapTxn final : public storage::IndexTxn {
 public:
  explicit MapTxn(MapIndex& index) : index_(index) {}

  Result<std::optional<std::string>> get(std::string_view key) const override {
    return get_from(index_.values_, key);
  }
  Result<void> scan(std::string_view prefix, std::string_view from,
                    const Visit& visit) const override {
    return scan_from(index_.values_, prefix, from, visit);
  }
  Result<void> put(std::string_view key, std::string_view value) override {
    set(key, value);
    return {};
  }
  Result<void> remove(std::string_view key) override {
    set(key, std::nullopt);
    return {};
  }
  void create(std::string_view key, std::string_view value) override { set(key, value); }
  void replace(std::string_view key, std::string_view, std::string_view value) override {
    set(key, value);
  }
  void erase(std::string_view key, std::string_view) override { set(key, std::nullopt); }

  void mark() override {
    undo_.clear();
    marked_ = index_.digest_;
  }
  void undo_to_mark() override {
    for (auto change = undo_.rbegin(); change != undo_.rend(); ++change) {
      if (change->before)
        index_.values_[change->key] = *change->before;
      else
        index_.values_.erase(change->key);
    }
    index_.digest_ = marked_;
    undo_.clear();
  }
  std::size_t pending_bytes() const override { return 0; }
  Result<void> commit(Lsn applied) override {
    index_.applied_ = applied;
    return {};
  }

 private:
  struct Change {
    std::string key;
    std::optional<std::string> before;
  };

  void set(std::string_view key, std::optional<std::string_view> value) {
    const auto found = index_.values_.find(key);
    const bool there = found != index_.values_.end();
    undo_.push_back({std::string(key), there ? std::optional(found->second) : std::nullopt});
    if (there) index_.digest_ ^= storage::hash_entry(key, found->second, scratch_);
    if (value) index_.digest_ ^= storage::hash_entry(key, *value, scratch_);
    if (!value) {
      if (there) index_.values_.erase(found);
    } else if (there) {
      found->second = *value;
    } else {
      index_.values_.emplace(key, *value);
    }
  }

  MapIndex& index_;
  std::vector<Change> undo_;
  storage::StateDigest marked_;
  std::string scratch_;
};

std::unique_ptr<storage::IndexTxn> MapIndex::begin() { return std::make_unique<MapTxn>(*this); }
std::unique_ptr<storage::IndexView> MapIndex::view() const {
  return std::make_unique<MapView>(values_);
}
void MapIndex::forget(std::string_view prefix) {
  std::erase_if(values_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

}  // namespace everpost::simulation
