// Taking over: suspicion, pre-vote, the fencing poll of a SUSPECT copy, the compare-and-set.
//
//   kWaiting -> kPoll -> [kFence] -> kCas -> primary, or back to backup
//
// Nothing before kCas changes anything at anybody but for the promises of the fencing poll; an
// Append of the primary ends it.
#pragma once

#include "cluster/replication/context.h"

namespace everpost::cluster::replication {

// Starts a candidacy, if this copy may have one at all.
void suspect_primary(Context& c);
// Its next step, if it is due.
void continue_candidacy(Context& c);
// Tells those who asked, once the promise is on the disk.
void answer_fence_polls(Context& c);

void on(Context& c, const Message& from, const PreVote& question);
void on(Context& c, const Message& from, const PreVoteReply& reply);
void on(Context& c, const Message& from, const FencePoll& poll);
void on(Context& c, const Message& from, const FenceReport& report);
void on(Context& c, const Message& from, const TransferGo& go);

}  // namespace everpost::cluster::replication
