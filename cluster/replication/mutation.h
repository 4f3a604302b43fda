// Bugs that can be planted, to prove that the simulation finds them (tests/simulation). In a
// program that people run there is none: planted() is false at compile time, and the code behind it
// is gone. The simulator is built from the same sources with EVERPOST_MUTATIONS.
#pragma once

namespace everpost::cluster::replication {

enum class Bug {
  kNone,
  kCommitWithoutUnion,   // M is the ISR last seen, without what may have been stored since (D2)
  kCountAnyAck,          // acks of earlier handshakes, epochs, incarnations count (D9)
  kOpenEarly,            // open before EPOCH_START is committed (H20)
  kLateReadJoins,        // a read that came after its round was sent is answered with it
  kConfirmAnyEpoch,      // a member confirms reads of epochs that it has left
  kPollWithoutFence,     // D7's poll without the promise
  kZombieClearsSuspect,  // SUSPECT ends without a look at the coordinator
  kExtendEarly,          // without D10
  kCountSuspect,         // what a SUSPECT copy acknowledges counts
  kSuspectTakesOver,     // without any poll
  kAckBeforeSync,        // of bytes that are written, not synced
  kShrinkBelowMin,       // D3
  kRestartResumesEpoch,  // a restarted primary goes on in its old epoch (H14)
  kForgetEpoch,          // the epoch is not saved, and the records' not looked at
  kCountIsrOnly,         // min_isr is not looked at
  // Planted in the simulated driver and disk:
  kTruncateOnMidCrc,  // a bad record in the middle is taken for the end (H27)
  kReplyBeforeApply,
  kRetrySync,    // D12
  kForgetOps,    // op_ids are remembered in memory only (D13)
  kSkipCommand,  // one copy applies one command less (H31)
};
const char* name_of(Bug bug);

#ifdef EVERPOST_MUTATIONS
inline thread_local Bug planted_bug = Bug::kNone;
inline bool planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool planted(Bug) { return false; }
#endif

}  // namespace everpost::cluster::replication
