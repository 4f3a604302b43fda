#include "storage/index/overlay.h"

#include <cstring>

#include "base/invariant.h"

namespace everpost::storage {
namespace {

constexpr std::size_t kNodeBytes = 112;  // of the map, for bytes()

}  // namespace

const Overlay::Slot* Overlay::find(std::string_view key) const {
  const auto slot = slots_.find(key);
  return slot == slots_.end() ? nullptr : &slot->second;
}

std::string_view Overlay::store(std::string_view key, std::string_view value) {
  const std::size_t size = key.size() + value.size();
  auto* to = static_cast<char*>(memory_.allocate(size == 0 ? 1 : size, 1));
  std::memcpy(to, key.data(), key.size());
  if (!value.empty()) std::memcpy(to + key.size(), value.data(), value.size());
  bytes_ += size;
  return {to, size};
}

// The slot of a key in our memory, noted for undo; its old hash is out of the digest.
Overlay::Slot& Overlay::touch(std::string_view key, const StateDigest& below) {
  auto at = slots_.lower_bound(key);
  const bool inserted = at == slots_.end() || at->first != key;
  if (inserted) {
    at = slots_.emplace_hint(at, key, Slot{});
    bytes_ += kNodeBytes;
    digest_ ^= below;
  } else {
    digest_ ^= at->second.hash;
  }
  if (marked_) undo_.push_back({at, at->second, inserted});
  return at->second;
}

void Overlay::set(std::string_view key, std::string_view value, const StateDigest& below) {
  // Key and value lie together for the hash.
  const std::string_view entry = store(key, value);
  Slot& slot = touch(entry.substr(0, key.size()), below);
  slot.value = entry.substr(key.size());
  slot.hash = hash_entry(entry, key.size());
  slot.live = true;
  digest_ ^= slot.hash;
}

void Overlay::remove(std::string_view key, const StateDigest& below) {
  touch(store(key, {}), below) = Slot{};
}

void Overlay::mark() {
  undo_.clear();
  marked_digest_ = digest_;
  marked_ = true;
}

void Overlay::undo_to_mark() {
  INVARIANT(marked_, "there is a mark to go back to");
  for (; !undo_.empty(); undo_.pop_back()) {
    const Undo& last = undo_.back();
    if (last.inserted)
      slots_.erase(last.slot);
    else
      last.slot->second = last.before;
  }
  digest_ = marked_digest_;
}

}  // namespace everpost::storage
