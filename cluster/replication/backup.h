// A copy that follows a primary: the handshake of an epoch, the stream, the end of SUSPECT.
#pragma once

#include "cluster/replication/context.h"

namespace everpost::cluster::replication {

void on(Context& c, const Message& from, const Probe& probe);
void on(Context& c, const Message& from, const Sync& sync);
void on(Context& c, const Message& from, const Append& append);
void on(Context& c, const Seeding& event);
void on(Context& c, const Message& from, const StepDown&);

// The log is cut as the Sync wanted, or its chain at that point is another one.
void finish_cut(Context& c, bool same_chain);

// Tells the primary what is durable here, and which round of reads it has seen.
void acknowledge(Context& c);
// What is due: the answer to a Probe, an Ack, the end of SUSPECT, a suspicion.
void continue_following(Context& c);

}  // namespace everpost::cluster::replication
