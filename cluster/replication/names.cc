// Names of what is said and done, for traces.
#include "cluster/replication/effect.h"
#include "cluster/replication/mutation.h"

namespace everpost::cluster::replication {
namespace {

struct Name {
  const char* operator()(const Probe&) const { return "Probe"; }
  const char* operator()(const ProbeReply&) const { return "ProbeReply"; }
  const char* operator()(const Sync&) const { return "Sync"; }
  const char* operator()(const SyncDone&) const { return "SyncDone"; }
  const char* operator()(const Append&) const { return "Append"; }
  const char* operator()(const Ack&) const { return "Ack"; }
  const char* operator()(const Nack&) const { return "Nack"; }
  const char* operator()(const PreVote&) const { return "PreVote"; }
  const char* operator()(const PreVoteReply&) const { return "PreVoteReply"; }
  const char* operator()(const FencePoll&) const { return "FencePoll"; }
  const char* operator()(const FenceReport&) const { return "FenceReport"; }
  const char* operator()(const StepDown&) const { return "StepDown"; }
  const char* operator()(const TransferGo&) const { return "TransferGo"; }
  const char* operator()(const FetchRange&) const { return "FetchRange"; }
  const char* operator()(const Range&) const { return "Range"; }

  const char* operator()(const Started&) const { return "Started"; }
  const char* operator()(const Tick&) const { return "Tick"; }
  const char* operator()(const Stop&) const { return "Stop"; }
  const char* operator()(const DiskFailed&) const { return "DiskFailed"; }
  const char* operator()(const Propose&) const { return "Propose"; }
  const char* operator()(const Read&) const { return "Read"; }
  const char* operator()(const Persisted&) const { return "Persisted"; }
  const char* operator()(const Truncated&) const { return "Truncated"; }
  const char* operator()(const MetaSaved&) const { return "MetaSaved"; }
  const char* operator()(const LogWasRead&) const { return "LogWasRead"; }
  const char* operator()(const Mended&) const { return "Mended"; }
  const char* operator()(const Applied&) const { return "Applied"; }
  const char* operator()(const ConfigSeen&) const { return "ConfigSeen"; }
  const char* operator()(const CasDone&) const { return "CasDone"; }
  const char* operator()(const ConfigVerified&) const { return "ConfigVerified"; }
  const char* operator()(const CoordinatorState&) const { return "CoordinatorState"; }
  const char* operator()(const Received&) const { return "Received"; }
  const char* operator()(const PeerLost&) const { return "PeerLost"; }
  const char* operator()(const TransferTo&) const { return "TransferTo"; }
  const char* operator()(const Seeding&) const { return "Seeding"; }

  const char* operator()(const Send&) const { return "Send"; }
  const char* operator()(const Persist&) const { return "Persist"; }
  const char* operator()(const Truncate&) const { return "Truncate"; }
  const char* operator()(const SaveMeta&) const { return "SaveMeta"; }
  const char* operator()(const ReadLog&) const { return "ReadLog"; }
  const char* operator()(const Mend&) const { return "Mend"; }
  const char* operator()(const Cas&) const { return "Cas"; }
  const char* operator()(const ReadConfig&) const { return "ReadConfig"; }
  const char* operator()(const VerifyConfig&) const { return "VerifyConfig"; }
  const char* operator()(const Commit&) const { return "Commit"; }
  const char* operator()(const Accepted&) const { return "Accepted"; }
  const char* operator()(const Refused&) const { return "Refused"; }
  const char* operator()(const MayRead&) const { return "MayRead"; }
  const char* operator()(const Opened&) const { return "Opened"; }
  const char* operator()(const Closed&) const { return "Closed"; }
  const char* operator()(const Note&) const { return "Note"; }
  const char* operator()(const Fail&) const { return "Fail"; }
};

}  // namespace

const char* name_of(const Payload& payload) { return std::visit(Name{}, payload); }
const char* name_of(const Event& event) { return std::visit(Name{}, event); }
const char* name_of(const Effect& effect) { return std::visit(Name{}, effect); }

std::string_view to_string(Fail::Why why) {
  switch (why) {
    case Fail::Why::kDisk:
      return "the disk has failed";
    case Fail::Why::kForked:
      return "the log is not the primary's, or to be cut below its commit point";
    case Fail::Why::kConfigRegression:
      return "the coordinator has gone back in time";
    case Fail::Why::kLineage:
      return "history was cut by an operator";
  }
  return "?";
}

const char* name_of(Bug bug) {
  switch (bug) {
    case Bug::kNone:
      return "none";
    case Bug::kCommitWithoutUnion:
      return "commit-without-union";
    case Bug::kCountAnyAck:
      return "count-any-ack";
    case Bug::kOpenEarly:
      return "open-early";
    case Bug::kLateReadJoins:
      return "late-read-joins";
    case Bug::kConfirmAnyEpoch:
      return "confirm-any-epoch";
    case Bug::kPollWithoutFence:
      return "poll-without-fence";
    case Bug::kZombieClearsSuspect:
      return "zombie-clears-suspect";
    case Bug::kExtendEarly:
      return "extend-early";
    case Bug::kCountSuspect:
      return "count-suspect";
    case Bug::kSuspectTakesOver:
      return "suspect-takes-over";
    case Bug::kAckBeforeSync:
      return "ack-before-sync";
    case Bug::kShrinkBelowMin:
      return "shrink-below-min";
    case Bug::kRestartResumesEpoch:
      return "restart-resumes-epoch";
    case Bug::kForgetEpoch:
      return "forget-epoch";
    case Bug::kCountIsrOnly:
      return "count-isr-only";
    case Bug::kTruncateOnMidCrc:
      return "truncate-on-mid-crc";
    case Bug::kReplyBeforeApply:
      return "reply-before-apply";
    case Bug::kRetrySync:
      return "retry-sync";
    case Bug::kForgetOps:
      return "forget-ops";
    case Bug::kSkipCommand:
      return "skip-command";
  }
  return "?";
}

}  // namespace everpost::cluster::replication
