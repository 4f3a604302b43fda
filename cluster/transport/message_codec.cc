#include "cluster/transport/message_codec.h"

#include "base/capnp.h"
#include "rpc/schema/replication.capnp.h"
#include "storage/log/record_codec.h"

namespace everpost::cluster {
namespace {

namespace wire = rpc::wire;
using namespace replication;

constexpr std::size_t kWord = sizeof(capnp::word);

// What the headers of a log's records are seeded with.
std::uint32_t header_seed(const Uuid& cluster, ShardId shard, Lineage lineage) {
  storage::LogIdentity identity;
  identity.cluster = cluster;
  identity.shard = shard;
  identity.lineage = lineage;
  return storage::header_seed(identity);
}

// ---- to the wire

capnp::Data::Reader blob(Bytes bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

void put(wire::LogEnd::Builder to, const LogEnd& end) {
  to.setLsn(end.lsn.value);
  to.setChain(end.chain);
}

void put(wire::Record::Builder to, const LogRecord& record, std::uint32_t seed) {
  auto header = to.initHeader(storage::kRecordHeaderBytes);
  storage::RecordHeader copy = record.header;
  storage::encode_header(copy, seed,
                         std::span<std::byte, storage::kRecordHeaderBytes>(
                             reinterpret_cast<std::byte*>(header.begin()), header.size()));
  to.setMeta(blob(as_bytes(record.meta)));
  auto body = to.initBody(record.header.body_bytes);
  auto* at = body.begin();
  for (const SharedBytes& part : record.body) {
    std::memcpy(at, part->data(), part->size());
    at += part->size();
  }
}

template <class List>
void put_records(List to, const std::vector<LogRecordPtr>& records, std::uint32_t seed) {
  for (unsigned i = 0; i < to.size(); ++i) put(to[i], *records[i], seed);
}

unsigned count(const auto& items) { return static_cast<unsigned>(items.size()); }

std::size_t words(std::size_t bytes) { return pad8(bytes) / kWord; }

std::size_t words(const std::vector<LogRecordPtr>& records) {
  std::size_t sum = 0;
  for (const LogRecordPtr& record : records)
    sum += 3 + words(storage::kRecordHeaderBytes) + words(record->meta.size()) +
           words(record->header.body_bytes);
  return sum;
}

// About what a message takes, so that it needs one allocation.
std::size_t words(const Payload& payload) {
  constexpr std::size_t kFixed = 32;
  if (const auto* append = std::get_if<Append>(&payload)) return kFixed + words(append->records);
  if (const auto* range = std::get_if<Range>(&payload)) return kFixed + words(range->records);
  if (const auto* reply = std::get_if<ProbeReply>(&payload))
    return kFixed + 4 * reply->table.size();
  return kFixed;
}

// A message built in memory of ours (a MallocMessageBuilder would wipe it in the end).
class Builder final : public capnp::MessageBuilder {
 public:
  explicit Builder(kj::ArrayPtr<capnp::word> first) : first_(first) {}  // zeroes

  kj::ArrayPtr<capnp::word> allocateSegment(unsigned words_min) override {
    if (first_.size() >= words_min) return std::exchange(first_, nullptr);
    std::vector<std::uint64_t>& more = more_.emplace_back(std::max(words_min, 1024u));
    return {reinterpret_cast<capnp::word*>(more.data()), more.size()};
  }

 private:
  kj::ArrayPtr<capnp::word> first_;
  std::vector<std::vector<std::uint64_t>> more_;
};

// Writes the payload of a message into it.
struct Put {
  wire::Replication::Builder to;
  std::uint32_t seed;

  void operator()(const Probe& probe) {
    auto out = to.initProbe();
    out.setSyncGen(probe.sync_gen);
    out.setConfigVersion(probe.config_version);
  }
  void operator()(const ProbeReply& reply) {
    auto out = to.initProbeReply();
    out.setSyncGen(reply.sync_gen);
    auto table = out.initTable(count(reply.table));
    for (unsigned i = 0; i < table.size(); ++i) {
      table[i].setEpoch(reply.table[i].epoch.value);
      put(table[i].initAt(), reply.table[i].at);
    }
    put(out.initDurable(), reply.durable);
    out.setCommit(reply.commit.value);
    out.setSuspect(reply.suspect);
    out.setHole(reply.hole);
    out.setCoordinatorUp(reply.coordinator_up);
  }
  void operator()(const Sync& sync) {
    auto out = to.initSync();
    out.setSyncGen(sync.sync_gen);
    put(out.initCut(), sync.cut);
  }
  void operator()(const SyncDone& done) {
    auto out = to.initSyncDone();
    out.setSyncGen(done.sync_gen);
    out.setDurable(done.durable.value);
  }
  void operator()(const Append& append) {
    auto out = to.initAppend();
    out.setSyncGen(append.sync_gen);
    out.setSeq(append.seq);
    put(out.initPrev(), append.prev);
    out.setCommit(append.commit.value);
    out.setReignBegins(append.reign_begins.value);
    out.setRound(append.round);
    put_records(out.initRecords(count(append.records)), append.records, seed);
  }
  void operator()(const Ack& ack) {
    auto out = to.initAck();
    out.setSyncGen(ack.sync_gen);
    out.setDurable(ack.durable.value);
    out.setApplied(ack.applied.value);
    out.setRound(ack.round);
    out.setDiskLow(ack.disk_low);
    out.setSuspect(ack.suspect);
    out.setCoordinatorUp(ack.coordinator_up);
  }
  void operator()(const Nack& nack) {
    auto out = to.initNack();
    out.setReason(static_cast<wire::Nack::Reason>(nack.reason));
    out.setSyncGen(nack.sync_gen);
    out.setConfigVersion(nack.config_version);
  }
  void operator()(const PreVote& vote) {
    auto out = to.initPreVote();
    out.setBallot(vote.ballot);
    out.setNextEpoch(vote.next_epoch.value);
    out.setConfigVersion(vote.config_version);
  }
  void operator()(const PreVoteReply& reply) {
    auto out = to.initPreVoteReply();
    out.setBallot(reply.ballot);
    out.setHeardPrimary(reply.primary_age.has_value());
    if (reply.primary_age)
      out.setPrimaryAgeUs(static_cast<std::uint64_t>(reply.primary_age->count()));
    out.setLastEpoch(reply.last_epoch.value);
    out.setDurable(reply.durable.value);
    out.setSuspect(reply.suspect);
    out.setHole(reply.hole);
  }
  void operator()(const FencePoll& poll) {
    auto out = to.initFencePoll();
    out.setConfigVersion(poll.config_version);
    out.setNextEpoch(poll.next_epoch.value);
  }
  void operator()(const FenceReport& report) {
    auto out = to.initFenceReport();
    out.setConfigVersion(report.config_version);
    out.setLastEpoch(report.last_epoch.value);
    out.setDurable(report.durable.value);
  }
  void operator()(const StepDown&) { to.setStepDown(); }
  void operator()(const TransferGo& go) { to.initTransferGo().setEnd(go.end.value); }
  void operator()(const FetchRange& fetch) {
    auto out = to.initFetchRange();
    out.setFrom(fetch.from.value);
    out.setTo(fetch.to.value);
  }
  void operator()(const Range& range) {
    auto out = to.initRange();
    out.setFrom(range.from.value);
    put_records(out.initRecords(count(range.records)), range.records, seed);
  }
};

// ---- from the wire

Error corrupt(std::string what) {
  return {ErrorCode::kCorrupt, "replication message: " + std::move(what)};
}

Bytes bytes_of(capnp::Data::Reader from) {
  return {reinterpret_cast<const std::byte*>(from.begin()), from.size()};
}

LogEnd get(wire::LogEnd::Reader from) { return {Lsn{from.getLsn()}, from.getChain()}; }

Result<LogRecordPtr> get(wire::Record::Reader from, std::uint32_t seed) {
  const Bytes header = bytes_of(from.getHeader());
  // A longer header is one of a later minor version; it could not be written verbatim.
  if (header.size() > storage::kRecordHeaderBytes)
    return Error{ErrorCode::kUnsupported, "replication message: a record of a later version"};
  const auto decoded = storage::decode_header(header, seed);
  if (!decoded) return corrupt("the header of a record");
  if (decoded->lsn.value % 8 != 0)
    return corrupt("the place of the record at " + to_string(decoded->lsn));
  auto record = std::make_shared<LogRecord>();
  record->header = *decoded;
  record->meta = as_text(bytes_of(from.getMeta()));
  if (from.getBody().size() > 0)
    record->body.push_back(share(std::string(as_text(bytes_of(from.getBody())))));
  // What the log would refuse, too: but there it would be this node's failure.
  if (auto sound = storage::verify({record->header, record->meta, record->body}, seed); !sound)
    return in_context("replication message", std::move(sound).error());
  return record;
}

// Each where the one before it ends, from `at` on.
Result<std::vector<LogRecordPtr>> get(capnp::List<wire::Record>::Reader from, Lsn at,
                                      std::uint32_t seed) {
  std::vector<LogRecordPtr> records;
  records.reserve(std::min<std::size_t>(from.size(), 1024));
  for (const auto item : from) {
    ASSIGN_OR_RETURN(LogRecordPtr record, get(item, seed));
    if (record->header.lsn != at) return corrupt("a record at " + to_string(record->header.lsn));
    at = record->header.end();
    if (!records.empty() && record->header.prev_crc != records.back()->header.crc)
      return corrupt("the chain at " + to_string(record->header.lsn));
    records.push_back(std::move(record));
  }
  return records;
}

Result<Payload> get(wire::ProbeReply::Reader from) {
  ProbeReply reply;
  reply.sync_gen = from.getSyncGen();
  if (from.getTable().size() > kEpochTableMax) return corrupt("a table of too many epochs");
  for (const auto begin : from.getTable()) {
    const EpochBegin entry{Epoch{begin.getEpoch()}, get(begin.getAt())};
    if (!reply.table.empty() &&
        (entry.epoch <= reply.table.back().epoch || entry.at.lsn < reply.table.back().at.lsn))
      return corrupt("a table of epochs out of order");
    reply.table.push_back(entry);
  }
  reply.durable = get(from.getDurable());
  reply.commit = Lsn{from.getCommit()};
  reply.suspect = from.getSuspect();
  reply.hole = from.getHole();
  reply.coordinator_up = from.getCoordinatorUp();
  return reply;
}

Result<Payload> get(wire::Append::Reader from, std::uint32_t seed) {
  Append append;
  append.sync_gen = from.getSyncGen();
  append.seq = from.getSeq();
  append.prev = get(from.getPrev());
  append.commit = Lsn{from.getCommit()};
  append.reign_begins = Lsn{from.getReignBegins()};
  append.round = from.getRound();
  ASSIGN_OR_RETURN(append.records, get(from.getRecords(), append.prev.lsn, seed));
  if (!append.records.empty() && append.records.front()->header.prev_crc != append.prev.chain)
    return corrupt("the chain at " + to_string(append.prev.lsn));
  return append;
}

Result<Payload> get(wire::Nack::Reader from) {
  if (static_cast<unsigned>(from.getReason()) > static_cast<unsigned>(Nack::Reason::kUnsupported))
    return Error{ErrorCode::kUnsupported, "replication message: a reason of a later version"};
  return Nack{static_cast<Nack::Reason>(from.getReason()), from.getSyncGen(),
              from.getConfigVersion()};
}

Result<Payload> get(wire::PreVoteReply::Reader from) {
  PreVoteReply reply;
  reply.ballot = from.getBallot();
  if (from.getHeardPrimary()) {
    const std::uint64_t most = static_cast<std::uint64_t>(Micros::max().count());
    reply.primary_age = Micros{static_cast<std::int64_t>(std::min(from.getPrimaryAgeUs(), most))};
  }
  reply.last_epoch = Epoch{from.getLastEpoch()};
  reply.durable = Lsn{from.getDurable()};
  reply.suspect = from.getSuspect();
  reply.hole = from.getHole();
  return reply;
}

Result<Payload> get_payload(wire::Replication::Reader from, std::uint32_t seed) {
  switch (from.which()) {
    case wire::Replication::PROBE:
      return Probe{from.getProbe().getSyncGen(), from.getProbe().getConfigVersion()};
    case wire::Replication::PROBE_REPLY:
      return get(from.getProbeReply());
    case wire::Replication::SYNC:
      return Sync{from.getSync().getSyncGen(), get(from.getSync().getCut())};
    case wire::Replication::SYNC_DONE:
      return SyncDone{from.getSyncDone().getSyncGen(), Lsn{from.getSyncDone().getDurable()}};
    case wire::Replication::APPEND:
      return get(from.getAppend(), seed);
    case wire::Replication::ACK: {
      const auto ack = from.getAck();
      return Ack{ack.getSyncGen(), Lsn{ack.getDurable()}, Lsn{ack.getApplied()}, ack.getRound(),
                 ack.getDiskLow(), ack.getSuspect(),      ack.getCoordinatorUp()};
    }
    case wire::Replication::NACK:
      return get(from.getNack());
    case wire::Replication::PRE_VOTE: {
      const auto vote = from.getPreVote();
      return PreVote{vote.getBallot(), Epoch{vote.getNextEpoch()}, vote.getConfigVersion()};
    }
    case wire::Replication::PRE_VOTE_REPLY:
      return get(from.getPreVoteReply());
    case wire::Replication::FENCE_POLL: {
      const auto poll = from.getFencePoll();
      return FencePoll{poll.getConfigVersion(), Epoch{poll.getNextEpoch()}};
    }
    case wire::Replication::FENCE_REPORT: {
      const auto report = from.getFenceReport();
      return FenceReport{report.getConfigVersion(), Epoch{report.getLastEpoch()},
                         Lsn{report.getDurable()}};
    }
    case wire::Replication::STEP_DOWN:
      return StepDown{};
    case wire::Replication::TRANSFER_GO:
      return TransferGo{Lsn{from.getTransferGo().getEnd()}};
    case wire::Replication::FETCH_RANGE: {
      const auto fetch = from.getFetchRange();
      if (fetch.getFrom() > fetch.getTo()) return corrupt("a range that ends before it begins");
      return FetchRange{Lsn{fetch.getFrom()}, Lsn{fetch.getTo()}};
    }
    case wire::Replication::RANGE: {
      Range range{Lsn{from.getRange().getFrom()}, {}};
      ASSIGN_OR_RETURN(range.records, get(from.getRange().getRecords(), range.from, seed));
      return range;
    }
  }
  return Error{ErrorCode::kUnsupported, "replication message: a kind of a later version"};
}

}  // namespace

std::string encode(const Message& message, const Uuid& cluster, ShardId shard) {
  // Built in the string itself: a segment table of one segment (8 bytes), then that segment.
  std::string bytes((1 + words(message.payload)) * kWord, '\0');
  auto* start = reinterpret_cast<capnp::word*>(bytes.data());
  Builder builder(kj::arrayPtr(start + 1, bytes.size() / kWord - 1));
  auto to = builder.initRoot<wire::Replication>();
  to.setNode(message.from.node.value);
  to.setDisk(blob(message.from.disk));
  to.setIncarnation(message.incarnation.value);
  to.setLineage(message.lineage.value);
  to.setEpoch(message.epoch.value);
  std::visit(Put{to, header_seed(cluster, shard, message.lineage)}, message.payload);

  const auto segments = builder.getSegmentsForOutput();
  if (segments.size() == 1) {
    store_le(reinterpret_cast<std::byte*>(bytes.data()), std::uint32_t{0});
    store_le(reinterpret_cast<std::byte*>(bytes.data()) + 4,
             static_cast<std::uint32_t>(segments[0].size()));
    bytes.resize((1 + segments[0].size()) * kWord);
    return bytes;
  }
  const auto flat = capnp::messageToFlatArray(builder);
  return {reinterpret_cast<const char*>(flat.begin()), flat.size() * kWord};
}

Result<Message> decode(Bytes bytes, const Uuid& cluster, ShardId shard) {
  if (bytes.empty() || bytes.size() % kWord != 0) return corrupt("its length");
  kj::Array<capnp::word> copy;
  const auto* start = reinterpret_cast<const capnp::word*>(bytes.data());
  const std::size_t size = bytes.size() / kWord;
  if (reinterpret_cast<std::uintptr_t>(start) % alignof(std::uint64_t) != 0) {
    copy = kj::heapArray<capnp::word>(size);
    std::memcpy(copy.begin(), bytes.data(), bytes.size());
    start = copy.begin();
  }
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = 4 * size + 64;  // pointers may share what they point to, a bit
    options.nestingLimit = 8;
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(start, size), options);
    const auto from = reader.getRoot<wire::Replication>();
    Message message;
    if (from.getDisk().size() != message.from.disk.size()) return corrupt("the sender's disk");
    std::memcpy(message.from.disk.data(), from.getDisk().begin(), message.from.disk.size());
    message.from.node = NodeId{from.getNode()};
    message.incarnation = Incarnation{from.getIncarnation()};
    message.lineage = Lineage{from.getLineage()};
    message.epoch = Epoch{from.getEpoch()};
    ASSIGN_OR_RETURN(message.payload,
                     get_payload(from, header_seed(cluster, shard, message.lineage)));
    return message;
  } catch (const kj::Exception& exception) {
    return corrupt(exception.getDescription().cStr());
  }
}

}  // namespace everpost::cluster
