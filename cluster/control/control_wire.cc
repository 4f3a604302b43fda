#include "cluster/control/control_wire.h"

#include "base/capnp.h"
#include "cluster/control/control_wire.capnp.h"
#include "cluster/router/answer_values.h"
#include "cluster/router/wire_frame.h"

namespace everpost::cluster {
namespace {

namespace to_wire = control_wire;
using namespace frame;
using Limits = ControlLimits;

// ---- to the wire

std::uint64_t micros(Micros time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()));
}
std::string_view cut(std::string_view text) { return text.substr(0, Limits::text_bytes); }

void put(capnp::List<std::uint32_t>::Builder to, const std::vector<NodeId>& from) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, from[i].value);
}
unsigned count(const auto& list) { return static_cast<unsigned>(list.size()); }

void put(to_wire::PeerReport::Builder to, const PeerReport& from) {
  to.setNode(from.node.value);
  to.setStreaming(from.streaming);
  to.setDurable(from.durable.value);
  to.setApplied(from.applied.value);
  to.setSilentMicros(micros(from.silent));
  to.setKnown(from.lag_bytes.has_value());
  to.setLagBytes(from.lag_bytes.value_or(0));
  to.setLagMicros(micros(from.lag));
}

void put(to_wire::CopyReport::Builder to, const CopyReport& from) {
  to.setShard(from.shard.value);
  to.setDirectory(from.directory);
  to.setRole(static_cast<std::uint8_t>(from.role));
  to.setEpoch(from.epoch.value);
  to.setOpen(from.open);
  to.setLed(from.led);
  to.setInSync(from.in_sync);
  to.setSuspect(from.suspect);
  to.setFailed(from.failed);
  to.setBegin(from.begin.value);
  to.setEnd(from.end.value);
  to.setDurable(from.durable.value);
  to.setCommit(from.commit.value);
  to.setApplied(from.applied.value);
  to.setDigest(text(from.digest));
  to.setDiskBytes(from.disk_bytes);
  to.setConfigVersion(from.config_version);
  to.setPrimary(from.primary.value);
  put(to.initReplicas(count(from.replicas)), from.replicas);
  put(to.initIsr(count(from.isr)), from.isr);
  to.setMinIsr(from.min_isr);
  auto peers = to.initPeers(count(from.peers));
  for (unsigned i = 0; i < peers.size(); ++i) put(peers[i], from.peers[i]);
}

struct PutRequest {
  to_wire::Request::Builder to;

  void operator()(const ReportRequest&) { to.setReport(); }
  void operator()(const CopiesRequest& from) { to.setCopy(from.shard.value); }
  void operator()(const EventsRequest& from) {
    auto events = to.initEvents();
    events.setShard(from.shard.value);
    events.setSince(from.since.micros);
    events.setLimit(from.limit);
  }
  void operator()(const SwitchRequest& from) {
    auto order = to.initSwitch();
    order.setShard(from.shard.value);
    order.setTo(from.to.value);
    order.setActor(text(cut(from.actor)));
  }
};

struct PutAnswer {
  to_wire::Answer::Builder to;

  void operator()(const NodeReport& from) {
    auto report = to.initReport();
    report.setNode(from.node.value);
    report.setRelease(text(cut(from.release)));
    report.setUpMicros(micros(from.up));
    auto copies = report.initCopies(count(from.copies));
    for (unsigned i = 0; i < copies.size(); ++i) put(copies[i], from.copies[i]);
  }
  void operator()(const CopyReport& from) { put(to.initCopy(), from); }
  void operator()(const Events& from) {
    auto events = to.initEvents(count(from));
    for (unsigned i = 0; i < events.size(); ++i) {
      events[i].setTime(from[i].time.micros);
      events[i].setEpoch(from[i].epoch.value);
      events[i].setAlarm(from[i].alarm);
      events[i].setWhat(text(cut(from[i].what)));
      events[i].setWhy(text(cut(from[i].why)));
    }
  }
  void operator()(const Switched& from) {
    auto switched = to.initSwitched();
    switched.setFrom(from.from.value);
    switched.setTo(from.to.value);
    switched.setPauseMicros(micros(from.pause));
  }
};

std::string encode_error(const Error& error) {
  capnp::MallocMessageBuilder message;
  auto to = message.initRoot<to_wire::Answer>().initError();
  to.setCode(text(to_string(error.code)));
  to.setContext(text(cut(error.context)));
  return build(Kind::kAnswer, message, {});
}

// ---- from the wire

Result<Micros> time(std::uint64_t micros) {
  if (micros > std::uint64_t{1} << 62) return corrupt("a time that is too long");
  return Micros{static_cast<std::int64_t>(micros)};
}

Result<std::vector<NodeId>> nodes(capnp::List<std::uint32_t>::Reader from) {
  if (from.size() > Limits::nodes) return beyond("nodes of a shard", Limits::nodes);
  std::vector<NodeId> all;
  for (const std::uint32_t node : from) all.emplace_back(node);
  return all;
}

Result<PeerReport> get(to_wire::PeerReport::Reader from) {
  PeerReport peer;
  peer.node = NodeId{from.getNode()};
  peer.streaming = from.getStreaming();
  peer.durable = Lsn{from.getDurable()};
  peer.applied = Lsn{from.getApplied()};
  ASSIGN_OR_RETURN(peer.silent, time(from.getSilentMicros()));
  if (from.getKnown()) peer.lag_bytes = from.getLagBytes();
  ASSIGN_OR_RETURN(peer.lag, time(from.getLagMicros()));
  return peer;
}

Result<CopyReport> get(to_wire::CopyReport::Reader from) {
  CopyReport copy;
  copy.shard = ShardId{from.getShard()};
  copy.directory = from.getDirectory();
  if (from.getRole() > static_cast<std::uint8_t>(replication::Role::kFailed))
    return corrupt("a role that there is not");
  copy.role = static_cast<replication::Role>(from.getRole());
  copy.epoch = Epoch{from.getEpoch()};
  copy.open = from.getOpen();
  copy.led = from.getLed();
  copy.in_sync = from.getInSync();
  copy.suspect = from.getSuspect();
  copy.failed = from.getFailed();
  copy.begin = Lsn{from.getBegin()};
  copy.end = Lsn{from.getEnd()};
  copy.durable = Lsn{from.getDurable()};
  copy.commit = Lsn{from.getCommit()};
  copy.applied = Lsn{from.getApplied()};
  ASSIGN_OR_RETURN(copy.digest, text(from.getDigest(), "a digest", 64));
  copy.disk_bytes = from.getDiskBytes();
  copy.config_version = from.getConfigVersion();
  copy.primary = NodeId{from.getPrimary()};
  ASSIGN_OR_RETURN(copy.replicas, nodes(from.getReplicas()));
  ASSIGN_OR_RETURN(copy.isr, nodes(from.getIsr()));
  copy.min_isr = from.getMinIsr();
  if (from.getPeers().size() > Limits::nodes) return beyond("peers", Limits::nodes);
  for (const auto one : from.getPeers()) {
    ASSIGN_OR_RETURN(PeerReport peer, get(one));
    copy.peers.push_back(peer);
  }
  return copy;
}

Result<NodeReport> get(to_wire::NodeReport::Reader from) {
  NodeReport report;
  report.node = NodeId{from.getNode()};
  ASSIGN_OR_RETURN(report.release, text(from.getRelease(), "a release", Limits::text_bytes));
  ASSIGN_OR_RETURN(report.up, time(from.getUpMicros()));
  if (from.getCopies().size() > Limits::copies) return beyond("copies", Limits::copies);
  for (const auto one : from.getCopies()) {
    ASSIGN_OR_RETURN(CopyReport copy, get(one));
    report.copies.push_back(std::move(copy));
  }
  return report;
}

Result<Events> get(capnp::List<to_wire::Event>::Reader from) {
  if (from.size() > Limits::events) return beyond("events", Limits::events);
  Events events;
  for (const auto one : from) {
    JournalEntry& event = events.emplace_back();
    event.time = WallTime{one.getTime()};
    event.epoch = Epoch{one.getEpoch()};
    event.alarm = one.getAlarm();
    ASSIGN_OR_RETURN(event.what, text(one.getWhat(), "an event", Limits::text_bytes));
    ASSIGN_OR_RETURN(event.why, text(one.getWhy(), "an event", Limits::text_bytes));
  }
  return events;
}

Result<ControlRequest> read(to_wire::Request::Reader from) {
  switch (from.which()) {
    case to_wire::Request::REPORT:
      return ControlRequest(ReportRequest{});
    case to_wire::Request::COPY:
      return ControlRequest(CopiesRequest{ShardId{from.getCopy()}});
    case to_wire::Request::EVENTS: {
      const auto events = from.getEvents();
      return ControlRequest(EventsRequest{ShardId{events.getShard()}, WallTime{events.getSince()},
                                          events.getLimit()});
    }
    case to_wire::Request::SWITCH: {
      const auto order = from.getSwitch();
      ASSIGN_OR_RETURN(std::string actor,
                       text(order.getActor(), "an administrator's name", Limits::text_bytes));
      return ControlRequest(
          SwitchRequest{ShardId{order.getShard()}, NodeId{order.getTo()}, std::move(actor)});
    }
  }
  return Error{ErrorCode::kUnsupported, "a request that is newer than this program"};
}

template <class T>
Result<ControlAnswer> as_answer(Result<T> value) {
  if (!value) return std::move(value).error();
  return ControlAnswer(*std::move(value));
}

Result<ControlAnswer> read(to_wire::Answer::Reader from) {
  switch (from.which()) {
    case to_wire::Answer::ERROR: {
      const auto code = from.getError().getCode();
      auto context = text(from.getError().getContext(), "an error", Limits::text_bytes);
      if (!context) return context.error();
      return Error{error_code_named({code.begin(), code.size()}), *std::move(context)};
    }
    case to_wire::Answer::REPORT:
      return as_answer(get(from.getReport()));
    case to_wire::Answer::COPY:
      return as_answer(get(from.getCopy()));
    case to_wire::Answer::EVENTS:
      return as_answer(get(from.getEvents()));
    case to_wire::Answer::SWITCHED: {
      const auto switched = from.getSwitched();
      ASSIGN_OR_RETURN(const Micros pause, time(switched.getPauseMicros()));
      return ControlAnswer(Switched{NodeId{switched.getFrom()}, NodeId{switched.getTo()}, pause});
    }
  }
  return Error{ErrorCode::kUnsupported, "an answer that is newer than this program"};
}

}  // namespace

std::string encode(const ControlRequest& request) {
  capnp::MallocMessageBuilder message;
  std::visit(PutRequest{message.initRoot<to_wire::Request>()}, request);
  return build(Kind::kRequest, message, {});
}

Result<ControlRequest> decode_control_request(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Parts parts, split(Kind::kRequest, bytes, Limits::request_bytes));
  return with_root<to_wire::Request>(parts.message,
                                     [](to_wire::Request::Reader from) { return read(from); });
}

std::string encode_control_answer(const Result<ControlAnswer>& answer) {
  if (!answer) return encode_error(answer.error());
  capnp::MallocMessageBuilder message;
  std::visit(PutAnswer{message.initRoot<to_wire::Answer>()}, *answer);
  std::string bytes = build(Kind::kAnswer, message, {});
  if (bytes.size() <= Limits::answer_bytes) return bytes;
  return encode_error({ErrorCode::kTooLarge, "the answer has " + std::to_string(bytes.size()) +
                                                 " bytes, too many to be sent between nodes"});
}

Result<ControlAnswer> decode_control_answer(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Parts parts, split(Kind::kAnswer, bytes, Limits::answer_bytes));
  return with_root<to_wire::Answer>(parts.message,
                                    [](to_wire::Answer::Reader from) { return read(from); });
}

}  // namespace everpost::cluster
