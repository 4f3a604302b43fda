// A copy that leads. One file for each of its jobs:
//
//   primary.cc     a reign's beginning and end, the commit point
//   propose.cc     changes: into the log, or parked until it opens
//   read_round.cc  the right to answer reads
//   peers.cc       the handshake with each other copy
//   stream.cc      records to the copies, acknowledgements back
//   isr.cc         who is in sync: dropping the slow, taking in who caught up
//   transfer.cc    handing over on purpose
#pragma once

#include "cluster/replication/context.h"

namespace everpost::cluster::replication {

// ---- primary.cc
// The compare-and-set of a takeover has succeeded.
void become_primary(Context& c);
// There is a newer epoch, or this copy was removed: nobody who waits gets an answer from it.
void step_down(Context& c, std::string_view why);
// Of its own will: says so to the others first.
void abdicate(Context& c, std::string_view why);
void begin_reign(Context& c);  // EPOCH_START, once the epoch is saved
void advance_commit(Context& c);
void open_if_ready(Context& c);
bool is_caught_up(const State& state, const Peer& peer);  // D10

// ---- propose.cc
void on(Context& c, Propose&& proposal);
void admit_parked(Context& c);
void refuse_parked(Context& c);

// ---- read_round.cc
void on(Context& c, const Read& read);
void continue_reads(Context& c);
void refuse_reads(Context& c);

// ---- peers.cc
// Makes the set of peers that of the configuration.
void meet_replicas(Context& c);
// Starts over with the handshake.
void meet_again(Context& c, Peer& peer);
void greet(Context& c, NodeId node, Peer& peer);  // sends what the handshake needs next
void on(Context& c, const Message& from, const ProbeReply& reply);
void on(Context& c, const Message& from, const SyncDone& done);
// The chain of this log at peer.next.lsn is known: tells the peer to cut its log there.
void cut_peer(Context& c, NodeId node, Peer& peer, std::uint32_t chain);
void on_lost_peer(Context& c, NodeId node);
// The peer a message is from, if it belongs to the handshake that is going on.
Peer* peer_of(Context& c, const Message& from, std::uint64_t sync_gen);

// ---- stream.cc
void on(Context& c, const Message& from, const Ack& ack);
void on(Context& c, const Message& from, const Nack& nack);
void on(Context& c, const LogWasRead& event);
void stream(Context& c, NodeId node, Peer& peer);

// ---- isr.cc
void adjust_isr(Context& c);

// ---- transfer.cc
void on(Context& c, const TransferTo& order);
void continue_transfer(Context& c);

// All that is due.
void continue_primacy(Context& c);

}  // namespace everpost::cluster::replication
