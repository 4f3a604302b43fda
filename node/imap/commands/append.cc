// APPEND, RFC 3501 §6.3.11, with APPENDUID (RFC 4315 §3).
#include "base/log.h"
#include "node/imap/commands/commands.h"
#include "node/imap/commands/upload.h"

namespace everpost::node::imap {
namespace {

struct Admitted {
  storage::MailboxInfo mailbox;
  MemoryBudget::Share share;  // for the first piece
};

// Everything that can be said against a message before its bytes are here.
Task<Admitted> admit(Session& session, std::string mailbox, std::uint64_t bytes) {
  if (bytes > session.services.config.message_bytes)
    co_return Error{ErrorCode::kTooLarge, "above the limit for messages"};
  if (bytes == 0) co_return Error{ErrorCode::kInvalidArgument, "an empty message"};
  Admitted admitted;
  CO_ASSIGN_OR_RETURN(
      admitted.mailbox,
      co_await session.mail().find_mailbox(session.shard(), session.account(), std::move(mailbox)));
  if (!admitted.mailbox.selectable)
    co_return Error{ErrorCode::kNotFound, "only a name with mailboxes below it"};
  CO_ASSIGN_OR_RETURN(const storage::AccountInfo account,
                      co_await session.mail().account(session.shard(), session.account()));
  if (account.quota_bytes > 0 && account.used_bytes + bytes > account.quota_bytes)
    co_return Error{ErrorCode::kOverQuota, "no room for this message"};
  CO_ASSIGN_OR_RETURN(admitted.share, co_await reserve_memory(session, bytes));
  co_return admitted;
}

Task<storage::AddedMessage> add(Session& session, AppendCommand command, MailboxId mailbox,
                                Uploaded uploaded) {
  storage::AddMessage add;
  add.targets = {{session.account(), mailbox}};
  add.content = uploaded.content;
  add.flags = std::move(command.flags);
  // To the shard 0 means now, but it is a date, too: 1-Jan-1970 00:00:00. A microsecond is not
  // seen.
  if (command.date)
    add.internal_date = WallTime{command.date->micros == 0 ? 1 : command.date->micros};
  add.enforce_quota = true;
  std::vector<storage::MailCommand> commands;
  commands.emplace_back(std::move(add));
  CO_ASSIGN_OR_RETURN(const auto outcome,
                      co_await session.submit(std::move(commands), std::move(uploaded.body)));
  const auto* added = outcome.results.size() == 1
                          ? std::get_if<std::vector<storage::AddedMessage>>(&outcome.results[0])
                          : nullptr;
  if (!added || added->size() != 1)
    co_return Error{ErrorCode::kInternal, "the wrong result for a mail command"};
  if ((*added)[0].error) co_return *(*added)[0].error;
  co_return (*added)[0];
}

void count_refused(Session& session, std::string_view reason) {
  session.services.metrics.messages_refused
      .Add({{"protocol", "imap"}, {"reason", std::string(reason)}})
      .Increment();
}

void count_accepted(Session& session, const storage::AddedMessage& added, std::uint64_t bytes,
                    std::chrono::duration<double> took) {
  Metrics& metrics = session.services.metrics;
  metrics.messages_accepted.Add({{"protocol", "imap"}}).Increment();
  metrics.bytes_accepted.Add({{"protocol", "imap"}}).Increment(static_cast<double>(bytes));
  metrics.accept_seconds.Add({{"protocol", "imap"}}, latency_buckets()).Observe(took.count());
  ++session.counters.appended;
  log::info("imap append", {{"login", session.login->address},
                            {"shard", session.shard()},
                            {"mailbox", added.mailbox},
                            {"uid", added.uid},
                            {"size", bytes},
                            {"ms", took.count() * 1000}});
}

}  // namespace

Task<Reply> run_append(Session& session, AppendCommand command) {
  auto admitted = co_await admit(session, command.mailbox, command.bytes);
  if (!admitted) {
    count_refused(session, to_string(admitted.error().code));
    CO_CHECK(co_await skip_message(session, command));
    co_return refused_target(admitted.error());
  }
  if (command.synchronizing) {
    session.out << "+ Ready for the message\r\n";
    CO_CHECK(co_await session.out.flush());
  }
  const std::uint64_t bytes = command.bytes;
  CO_ASSIGN_OR_RETURN(Received received,
                      co_await receive_message(session, bytes, std::move(admitted->share)));
  const auto began = std::chrono::steady_clock::now();
  Result<storage::AddedMessage> added = Error{};
  if (received.message)
    added = co_await add(session, std::move(command), admitted->mailbox.id,
                         *std::move(received.message));
  else
    added = std::move(received.message).error();
  if (!added) {
    count_refused(session, to_string(added.error().code));
    if (session.leaving.empty()) session.log_error("APPEND", added.error());
    co_return refused_target(added.error());
  }
  count_accepted(session, *added, bytes, std::chrono::steady_clock::now() - began);
  // RFC 3501 §6.3.11: if the mailbox is selected, the message is told before the answer.
  if (session.selected && session.selected->id == added->mailbox) session.selected->wake->notify();
  co_return ok("[APPENDUID " + to_string(added->uid_validity) + ' ' + to_string(added->uid) +
               "] APPEND completed");
}

}  // namespace everpost::node::imap
