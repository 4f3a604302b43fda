// A frontend: one operation after the other, each repeated under the same op_id until it is
// answered, against whichever node may be the primary. Remembers what has to be true in the end.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "storage/log/record.h"
#include "storage/machine/mail_command.h"
#include "tests/simulation/node.h"

namespace everpost::simulation {

class Client {
 public:
  Client(Cluster& cluster, std::uint32_t index, Rng rng);

  void run();                        // operations of its own choice, with pauses, until stop()
  void stop() { stopping_ = true; }  // the one that is under way is still brought to its end
  bool idle() const { return !busy_; }
  std::uint64_t answered() const { return answered_; }
  Micros last_answer() const { return last_answer_; }

  // One operation, for scenarios.
  void deliver();
  void read();

  // From a node, or about it.
  void hear(std::uint64_t attempt, const Reply& reply, NodeId from);
  void hear_of_primary(NodeId primary) { hint_ = primary; }

  // Messages that are there, and how often; entries of the queue, and what is done of them.
  const std::map<Guid, std::size_t>& wanted() const { return wanted_; }
  const std::map<std::uint64_t, std::vector<bool>>& queue() const { return queue_; }

 private:
  struct Message {
    MailboxId mailbox;
    Uid uid;
    Guid guid{};
  };
  void next();
  void begin(storage::MailCommand command, std::string body = {});
  void attempt();
  void finish(const storage::MailOutcome& outcome);
  void take(const std::vector<storage::AddedMessage>& added);
  void take(const storage::Expunged& expunged);
  void take(const storage::CopiedMessages& copied);
  void take(const storage::QueuedMessage& queued);
  storage::MailCommand new_message();
  storage::MailCommand new_queue_entry();
  storage::NewContent new_content();
  AccountId account() const { return AccountId{1 + index_ % 2}; }

  Cluster& cluster_;
  const std::uint32_t index_;
  Rng rng_;
  std::optional<NodeId> hint_;
  bool running_ = false, stopping_ = false, busy_ = false;
  std::uint64_t attempts_ = 0, operations_ = 0, answered_ = 0;
  Micros last_answer_{};

  // The operation that is under way.
  bool reading_ = false;
  OpId op_;
  storage::MailCommand command_;
  std::string body_;
  Lsn shown_at_start_;  // to anybody
  Micros backoff_{};
  std::uint64_t first_attempt_ = 0;

  // The newest state it was shown, which it asks its reads to include (H21); some clients do not,
  // and must not be shown an older one either.
  const bool remembers_;
  Lsn seen_;

  std::vector<Message> messages_;
  std::map<Guid, std::size_t> wanted_;
  std::map<std::uint64_t, std::vector<bool>> queue_;
};

}  // namespace everpost::simulation
