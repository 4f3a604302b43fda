// The log and the meta file as the core uses them: one write at a time, group commit by nature.
#pragma once

#include "cluster/replication/context.h"

namespace everpost::cluster::replication {

// Computes what record headers are seeded with, from the lineage.
void seed_headers(State& state);

// The log is what the disk holds now, all of it durable.
void take_contents(LogState& log, const LogContents& contents);
// Appends to the log in memory; persist_next() hands it to the disk.
void append_to_log(Context& c, LogRecordPtr record);
// Forgets what the disk has not got yet.
void drop_unwritten(Context& c);
// Everything in the log is durable, and nothing is under way.
bool log_is_quiet(const LogState& log);
// Index in log.tail of the record at `lsn`; the tail's size if it is the log's end. Nothing if it
// is not in memory.
std::optional<std::size_t> find_in_tail(const LogState& log, Lsn lsn);

void on(Context& c, const Persisted& event);
void on(Context& c, const Truncated& event);
void on(Context& c, const MetaSaved& event);
void on(Context& c, const DiskFailed& event);

// Hands the next group to the disk, if it is free.
void persist_next(Context& c);
// Writes meta, if it has changed and no write is running.
void save_meta(Context& c);
// Tells what is committed and durable here, for applying.
void tell_commit(Context& c);
void trim_tail(Context& c);

}  // namespace everpost::cluster::replication
