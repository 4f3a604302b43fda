// From a transaction and its message to the one MailTxn that delivers it, and from the outcome back
// to a verdict for each recipient. Pure.
//
// Recipients of one shard get the message at once. With recipients in several shards it is
// committed once, in one of them: for its own recipients delivered, for the others queued, from
// where the cluster layer fans it out. So there is one point in time where all of them have it or
// none.
#pragma once

#include <cstdint>
#include <vector>

#include "node/smtp/flavour.h"
#include "node/smtp/message_result.h"
#include "node/smtp/transaction.h"
#include "storage/machine/mail_command.h"

namespace everpost::node::smtp {

// The shard whose record holds the message: chunks are staged there before the rest is known.
ShardId home_shard(const Transaction& transaction);

class Delivery {
 public:
  // `transaction` has recipients; each has targets. Each account gets the message once, however
  // many of the recipients lead to it.
  Delivery(const Transaction& transaction, const storage::NewContent& content, Flavour flavour);

  // The commands of the MailTxn for home_shard().
  std::vector<storage::MailCommand> take_commands() { return std::move(commands_); }
  std::size_t queued() const { return queued_; }  // accounts in other shards

  // What to tell the client, once the outcome is there.
  MessageResult judge(const storage::MailOutcome& outcome) const;

 private:
  struct Place {  // where an account's verdict is to be found in the outcome
    std::size_t command = 0;
    std::size_t position = 0;
    bool queued = false;
  };

  std::vector<storage::MailCommand> commands_;
  std::vector<Place> places_;  // of each recipient's targets, one recipient after the other
  std::vector<std::size_t> place_counts_;  // how many of them each recipient has
  std::size_t queued_ = 0;
  ShardId home_;
};

// The reply to a message that could not be stored: temporary, whatever it was.
Refusal not_stored(const Error& error);

// "3-0000000000a3f1c8": shard and LSN of the record.
std::string record_id(ShardId shard, Lsn lsn);

}  // namespace everpost::node::smtp
