// What the cluster knows of a node. docs/formats/coordinator.md.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace everpost::cluster {

// The levels of record types and semantics that a program can work at (D16).
struct FeatureRange {
  std::uint32_t min = 1, max = 1;
  bool has(std::uint32_t level) const { return level >= min && level <= max; }
  friend bool operator==(const FeatureRange&, const FeatureRange&) = default;
};

struct NodeRecord {
  NodeId node;
  std::string address;  // of its RPC: "host:port". No spaces in any of these
  std::string zone;     // what fails together: a rack, a room; may be empty
  std::string release;  // of its program, "0.2.0"
  FeatureRange features;
  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

std::string encode(const NodeRecord& record);
// Errors: kCorrupt; kUnsupported, a newer release has written it.
Result<NodeRecord> decode_node_record(std::string_view text);

// The value of a znode that holds one number or id under one name: "format 1", "<name> <word>".
std::string encode_word(std::string_view name, std::string_view word);
Result<std::string> decode_word(std::string_view name, std::string_view text);

}  // namespace everpost::cluster
