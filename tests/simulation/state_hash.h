// Hashes of what replicas know and say, for an explorer that must not visit a state twice. Two
// values with the same hash are taken for equal: 64 bits, so among ten million states a pair is
// mistaken with a chance of three in a million.
#pragma once

#include "cluster/replication/effect.h"
#include "cluster/replication/state.h"

namespace everpost::simulation {

using namespace cluster;
using namespace cluster::replication;

class Hash {
 public:
  std::uint64_t value() const { return value_; }

  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  Hash& add(T word) {
    std::uint64_t z = value_ ^ (static_cast<std::uint64_t>(word) + 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93;
    z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93;
    value_ = z ^ (z >> 32);
    return *this;
  }
  template <class Tag, class Rep>
  Hash& add(const Strong<Tag, Rep>& id) {
    return add(id.value);
  }
  Hash& add(const Lsn& lsn) { return add(lsn.value); }
  Hash& add(const Micros& time) { return add(time.count()); }
  Hash& add(const WallTime& time) { return add(time.micros); }
  Hash& add(const Uuid& id);
  Hash& add(const LogEnd& end) { return add(end.lsn).add(end.chain); }
  Hash& add(const LogRecordPtr& record) { return add(end_of(*record)); }  // the chain: all before
  Hash& add(const EpochBegin& begin) { return add(begin.epoch).add(begin.at); }
  Hash& add(const CopyId& copy) { return add(copy.node).add(copy.disk); }
  Hash& add(const Nonce& nonce);
  Hash& add(const ShardConfig& config);
  Hash& add(const Meta& meta);
  Hash& add(const Message& message);
  Hash& add(const State& state);

  template <class T>
  Hash& add(const std::optional<T>& maybe) {
    add(maybe.has_value());
    return maybe ? add(*maybe) : *this;
  }
  template <class T>
  Hash& add(const std::vector<T>& all) {
    add(all.size());
    for (const T& one : all) add(one);
    return *this;
  }
  template <class K, class T>
  Hash& add(const std::map<K, T>& all) {
    add(all.size());
    for (const auto& [key, one] : all) add(key).add(one);
    return *this;
  }

 private:
  friend struct PayloadHash;
  Hash& add(const Probe& m) { return add(m.sync_gen).add(m.config_version); }
  Hash& add(const Sync& m) { return add(m.sync_gen).add(m.cut); }
  Hash& add(const PreVoteReply& m);
  Hash& add(const FenceReport& m);
  Hash& add(const Peer& peer);
  Hash& add(const Readmission& readmission);
  Hash& add(const Proposal& proposal);
  Hash& add(const Following& following);
  Hash& add(const Candidacy& candidacy);
  Hash& add(const Primacy& primacy);

  std::uint64_t value_ = 0;
};

}  // namespace everpost::simulation
