// What nodes ask of each other on behalf of an administrator, as bytes: control_wire.capnp in the
// frame of router/mail_wire.h.
//
// Whoever sends these bytes may be broken or of another version: all that is decoded is checked and
// bounded. Errors of decoding: kCorrupt (malformed), kLimit (too much), kUnsupported (newer).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cluster/control/report.h"

namespace everpost::cluster {

struct ControlLimits {
  static constexpr std::size_t request_bytes = 4096;
  static constexpr std::size_t answer_bytes = 4 << 20;
  static constexpr std::size_t copies = 4096;  // on a node
  static constexpr std::size_t nodes = 64;     // with a copy of one shard
  static constexpr std::size_t events = Journal::kEntriesMax;
  static constexpr std::size_t text_bytes = 1024;
};

struct ReportRequest {};
struct CopiesRequest {
  ShardId shard;
};
struct EventsRequest {
  ShardId shard;
  WallTime since;
  std::uint32_t limit = 0;
};
struct SwitchRequest {
  ShardId shard;
  NodeId to;  // 0: the first of the shard's nodes
  std::string actor;
};
using ControlRequest = std::variant<ReportRequest, CopiesRequest, EventsRequest, SwitchRequest>;

struct Switched {
  NodeId from, to;
  Micros pause{};  // at most so long no change was taken; 0: it led already
  friend bool operator==(const Switched&, const Switched&) = default;
};
using Events = std::vector<JournalEntry>;
using ControlAnswer = std::variant<NodeReport, CopyReport, Events, Switched>;

std::string encode(const ControlRequest& request);
Result<ControlRequest> decode_control_request(std::string_view bytes);
// An answer above the limit goes as kTooLarge.
std::string encode_control_answer(const Result<ControlAnswer>& answer);
Result<ControlAnswer> decode_control_answer(std::string_view bytes);

}  // namespace everpost::cluster
