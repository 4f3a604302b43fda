// Numbers that must not be mixed up are different types.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace everpost {

template <class Tag, class Rep>
struct Strong {
  using rep = Rep;
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
};

template <class Tag, class Rep>
std::string to_string(Strong<Tag, Rep> id) {
  return std::to_string(id.value);
}

using NodeId = Strong<struct NodeTag, std::uint32_t>;    // a machine of the cluster; 1 or more
using ShardId = Strong<struct ShardTag, std::uint32_t>;  // 0 is the directory, mail shards follow
using Epoch = Strong<struct EpochTag, std::uint32_t>;    // a primary's reign; fences what is older
using Lineage =
    Strong<struct LineageTag, std::uint32_t>;  // grows when history was cut by an operator

using AccountId = Strong<struct AccountTag, std::uint64_t>;  // never reused
using MailboxId = Strong<struct MailboxTag, std::uint64_t>;  // unique in its shard, never reused
using Uid = Strong<struct UidTag, std::uint32_t>;            // RFC 3501 §2.3.1.1; 1 or more
using UidValidity = Strong<struct UidValidityTag, std::uint32_t>;
using ModSeq = Strong<struct ModSeqTag, std::uint64_t>;  // RFC 7162; 1 or more, 63 bits

// A byte position in a shard's log: the same on every replica, for ever. Multiple of 8 at records.
struct Lsn : Strong<struct LsnTag, std::uint64_t> {
  using Strong::Strong;
  friend constexpr Lsn operator+(Lsn a, std::uint64_t bytes) { return Lsn{a.value + bytes}; }
  friend constexpr std::uint64_t operator-(Lsn a, Lsn b) { return a.value - b.value; }
};

// Names one operation of one frontend, so that a retry after a failover has no second effect.
// As a key (big-endian, in this order) ids sort by the hour they were made in.
struct OpId {
  std::uint32_t hour = 0;      // hours since 1970 on the frontend's clock
  std::uint32_t frontend = 0;  // the node
  std::uint64_t random = 0;
  friend constexpr auto operator<=>(const OpId&, const OpId&) = default;
};
std::string to_string(const OpId& id);  // "6f1a2b-1-8d3f…", for log lines

// Content identity: the first 16 bytes of the SHA-256 of the bytes.
using Guid = std::array<std::byte, 16>;
std::string to_string(const Guid& guid);  // 32 hex digits

// 16 random bytes: the cluster's id, a disk's id, an upload's id.
using Uuid = std::array<std::byte, 16>;

}  // namespace everpost

template <class Tag, class Rep>
struct std::hash<everpost::Strong<Tag, Rep>> {
  std::size_t operator()(everpost::Strong<Tag, Rep> id) const { return std::hash<Rep>{}(id.value); }
};
template <>
struct std::hash<everpost::OpId> {
  std::size_t operator()(const everpost::OpId& id) const { return id.random ^ id.hour; }
};
