// One client's session: what its commands share. commands/ work on it, conversation.cc
// drives it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "node/imap/session/output.h"
#include "node/imap/session/reply.h"
#include "node/imap/session/selected.h"
#include "node/imap/session/timing.h"
#include "node/net/connection.h"
#include "node/runtime/services.h"

namespace everpost::node::imap {

enum class State { kNotAuthenticated, kAuthenticated, kSelected };  // RFC 3501 §3

struct Counters {  // for the line that the log gets at the end
  std::uint64_t commands = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t fetched = 0;  // messages whose text was asked for
  std::uint64_t appended = 0;
  std::uint64_t expunged = 0;
};

// Why a session ends whose mailbox another one has deleted: its BYE is the last word.
inline constexpr std::string_view kMailboxDeleted = "mailbox deleted";

class Session {
 public:
  Session(Connection& connection, Services& services, const std::atomic<bool>& stopping,
          const Timing& timing);
  Session(const Session&) = delete;

  Connection& connection;
  Services& services;
  const std::atomic<bool>& stopping;
  const Timing timing;
  Output out;
  std::string tag;  // of the command that runs

  Login login;  // nullptr: not authenticated
  std::unique_ptr<Selected> selected;
  bool condstore = false;  // a CONDSTORE-enabling command was given (RFC 7162 §3.1)
  std::string client;      // what ID said
  std::string leaving;     // why the session ends; empty while it goes on
  unsigned failed_logins = 0;
  Counters counters;
  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

  State state() const;
  AccountId account() const { return login->id; }
  ShardId shard() const { return login->shard; }
  cluster::MailStore& mail() const { return services.mail; }
  // May passwords be sent now (RFC 3501 §11.1)?
  bool plaintext_allowed() const;
  // For the next wait: less and less before the login.
  std::chrono::milliseconds patience() const;

  // One change of the mail shard by this account, atomic. The first error of transport, transaction
  // or command is the Result's. A change that may have been made in spite of an error is submitted
  // again under its op_id, so that the answer tells what happened; kTimeout: nobody knows.
  Task<storage::MailOutcome> submit(std::vector<storage::MailCommand> commands,
                                    std::vector<SharedBytes> body = {});
  // The same for one command with one result of type R.
  template <class R>
  Task<R> change(storage::MailCommand command) {
    std::vector<storage::MailCommand> commands;
    commands.push_back(std::move(command));
    CO_ASSIGN_OR_RETURN(storage::MailOutcome outcome, co_await submit(std::move(commands)));
    R* result = outcome.results.size() == 1 ? std::get_if<R>(&outcome.results[0]) : nullptr;
    if (!result) co_return Error{ErrorCode::kInternal, "the wrong result for a mail command"};
    co_return std::move(*result);
  }

  // Tells the client what changed in the selected mailbox: of its own accord only if the watch
  // says that something did, or `force`d. If the mailbox is gone, the session ends.
  // Errors: of the connection. What the store refuses is logged and told another time.
  Task<void> tell_changes(Telling telling, bool force);

  // Leaves the selected state. The next session will not see as \Recent what this one did.
  Task<void> unselect();

  // RFC 7162 §3.1: from now on FETCH responses have MODSEQ.
  void enable_condstore();

  // The NO to a command on the selected mailbox that the store has refused, after logging why. If
  // the mailbox is gone, that is what the client hears next instead (tell_changes()).
  Reply failed(const char* what, const Error& error) const;

  // Logs an error of a layer below that is not the client's fault.
  void log_error(const char* what, const Error& error) const;
};

// RFC 3501 §7.2.1: what is on offer in the session's state, without "* CAPABILITY ".
std::string capabilities(const Session& session);

}  // namespace everpost::node::imap
