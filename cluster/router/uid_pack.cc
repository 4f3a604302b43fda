#include "cluster/router/uid_pack.h"

#include <optional>

namespace everpost::cluster {
namespace {

class Packer {
 public:
  void add(Uid first, Uid last) {
    varint(first.value - end_);
    varint(last.value - first.value);
    end_ = last.value;
  }
  std::string take() { return std::move(bytes_); }

 private:
  void varint(std::uint32_t number) {
    for (; number >= 0x80; number >>= 7) bytes_ += static_cast<char>(number | 0x80);
    bytes_ += static_cast<char>(number);
  }

  std::string bytes_;
  std::uint32_t end_ = 0;
};

// Takes a number from the front of `bytes`; nothing if there is none.
std::optional<std::uint32_t> varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte >= 0x80) continue;
    if (number > UINT32_MAX) return std::nullopt;
    return static_cast<std::uint32_t>(number);
  }
  return std::nullopt;
}

// Calls `range` with the first and last UID of each. Errors: kCorrupt, kLimit, those of `range`.
template <class Range>
Result<void> unpack(std::string_view bytes, Range range) {
  if (bytes.size() > kPackedUidsBytesMax)
    return Error{ErrorCode::kLimit, "a set of UIDs that is too large to be sent between nodes"};
  std::uint64_t end = 0;
  while (!bytes.empty()) {
    const auto distance = varint(bytes);
    const auto more = varint(bytes);
    if (!distance || *distance == 0 || !more || end + *distance + *more > UINT32_MAX)
      return Error{ErrorCode::kCorrupt, "a malformed set of UIDs"};
    const auto first = static_cast<std::uint32_t>(end + *distance);
    end = std::uint64_t{first} + *more;
    RETURN_IF_ERROR(range(first, static_cast<std::uint32_t>(end)));
  }
  return {};
}

}  // namespace

std::string pack(const storage::UidSet& uids) {
  Packer packer;
  for (const storage::UidSet::Range& range : uids.ranges()) packer.add(range.first, range.last);
  return packer.take();
}

std::string pack(std::span<const Uid> uids) {
  Packer packer;
  for (std::size_t i = 0; i < uids.size();) {
    std::size_t last = i;
    while (last + 1 < uids.size() && uids[last + 1].value == uids[last].value + 1) ++last;
    packer.add(uids[i], uids[last]);
    i = last + 1;
  }
  return packer.take();
}

Result<storage::UidSet> unpack_set(std::string_view bytes) {
  storage::UidSet uids;
  RETURN_IF_ERROR(unpack(bytes, [&](std::uint32_t first, std::uint32_t last) -> Result<void> {
    uids.add(Uid{first}, Uid{last});
    return {};
  }));
  return uids;
}

Result<std::vector<Uid>> unpack_list(std::string_view bytes) {
  std::vector<Uid> uids;
  RETURN_IF_ERROR(unpack(bytes, [&](std::uint32_t first, std::uint32_t last) -> Result<void> {
    if (last - first >= kUidsMax - uids.size())
      return Error{ErrorCode::kLimit, "a mailbox of more than " + std::to_string(kUidsMax) +
                                          " messages cannot be opened from another node"};
    for (std::uint64_t uid = first; uid <= last; ++uid)
      uids.push_back(Uid{static_cast<std::uint32_t>(uid)});
    return {};
  }));
  return uids;
}

}  // namespace everpost::cluster
