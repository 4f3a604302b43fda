#include "node/imap/session/session.h"

#include "base/log.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kTellBatch = 1000;  // changed messages held at a time

}  // namespace

Session::Session(Connection& c, Services& s, const std::atomic<bool>& stop, const Timing& t)
    : connection(c), services(s), stopping(stop), timing(t), out(c) {}

State Session::state() const {
  if (!login) return State::kNotAuthenticated;
  return selected ? State::kSelected : State::kAuthenticated;
}

bool Session::plaintext_allowed() const {
  return connection.tls() ||
         (services.config.plaintext_on_loopback && connection.peer_is_loopback());
}

std::chrono::milliseconds Session::patience() const {
  if (login) return timing.idle;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started);
  return std::max(timing.login - age, std::chrono::milliseconds{1});
}

Task<storage::MailOutcome> Session::submit(std::vector<storage::MailCommand> commands,
                                           std::vector<SharedBytes> body) {
  storage::MailTxn txn;
  txn.op = mail().new_op();
  txn.actor = account();
  txn.commands = std::move(commands);
  std::optional<Error> timed_out;
  asio::steady_timer pause(connection.executor());
  for (unsigned tries = 1;; ++tries) {
    auto outcome = co_await mail().submit(shard(), txn, body);
    if (outcome && outcome->error) co_return *std::move(outcome->error);
    if (outcome) co_return *std::move(outcome);
    if (outcome.error().code == ErrorCode::kTimeout) timed_out = std::move(outcome).error();
    if (!timed_out) co_return std::move(outcome).error();
    if (tries >= timing.write_tries || stopping) co_return *std::move(timed_out);
    pause.expires_after(timing.write_pause);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

Task<void> Session::tell_changes(Telling telling, bool force) {
  if (!selected) co_return Result<void>{};
  if (!selected->wake->take() && !selected->behind && !force) {
    if (telling.expunges) tell_expunges(*selected, out.buffer());
    co_return Result<void>{};
  }
  const auto changes = co_await mail().changes(shard(), selected->id, selected->modseq);
  if (!changes && changes.error().code == ErrorCode::kNotFound) {
    // RFC 2180 §3.3: another session has deleted the mailbox; there is no response that would take
    // this one back to the authenticated state.
    selected.reset();
    leaving = kMailboxDeleted;
    out << "* BYE The selected mailbox was deleted by another session\r\n";
    co_return Result<void>{};
  }
  selected->behind = true;  // until all is told
  if (!changes) {
    log_error("changes of the selected mailbox", changes.error());
    co_return Result<void>{};
  }
  const std::uint32_t size_before = selected->view.size();
  take_in(*selected, *changes, out.buffer());
  tell_messages(*selected, changes->changed, telling, out.buffer());
  for (Batches batches(changes->more); !batches.done();) {
    CO_CHECK(co_await out.flush_if_large());
    const auto more =
        co_await mail().messages(shard(), selected->id, batches.next(kTellBatch), kTellBatch);
    if (!more) {
      log_error("changes of the selected mailbox", more.error());
      if (selected->view.size() > size_before) tell_size(*selected, out.buffer());
      co_return Result<void>{};
    }
    tell_messages(*selected, *more, telling, out.buffer());
  }
  selected->behind = false;
  if (!finish_telling(*selected, changes->mailbox, size_before, telling, out.buffer())) {
    const auto open = co_await mail().open_mailbox(shard(), selected->id);
    if (open) rebuild(*selected, open->uids, telling, out.buffer());
    selected->behind = !open;
  }
  co_return co_await out.flush_if_large();
}

Task<void> Session::unselect() {
  if (!selected) co_return Result<void>{};
  const auto left = std::exchange(selected, nullptr);
  left->watch.reset();
  if (left->read_only || left->unclaimed_from >= left->uid_next) co_return Result<void>{};
  const auto claimed = co_await change<storage::ClaimedRecent>(storage::ClaimRecent{left->id});
  if (!claimed && claimed.error().code != ErrorCode::kNotFound)
    log_error("claiming recent messages", claimed.error());
  co_return Result<void>{};
}

void Session::enable_condstore() {
  if (condstore) return;
  condstore = true;
  if (selected) out << "* OK [HIGHESTMODSEQ " << selected->modseq.value << "] CONDSTORE is on\r\n";
}

Reply Session::failed(const char* what, const Error& error) const {
  if (error.code == ErrorCode::kNotFound && selected)
    selected->wake->notify();
  else
    log_error(what, error);
  return refused(error);
}

void Session::log_error(const char* what, const Error& error) const {
  const bool ours = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kInternal ||
                    error.code == ErrorCode::kIo;
  log::write(ours ? log::Level::kError : log::Level::kWarning, "imap failed",
             {{"what", what},
              {"login", login ? login->address : ""},
              {"shard", login ? login->shard : ShardId{}},
              {"mailbox", selected ? selected->id : MailboxId{}},
              {"error", to_string(error)}});
}

std::string capabilities(const Session& session) {
  std::string text =
      "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS UNSELECT CHILDREN "
      "LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE ESEARCH CONDSTORE MOVE "
      "APPENDLIMIT=" +
      std::to_string(session.services.config.message_bytes);
  if (session.login) return text;
  if (session.services.tls && !session.connection.tls()) text += " STARTTLS";
  const bool plaintext = session.plaintext_allowed();
  if (!plaintext) text += " LOGINDISABLED";  // RFC 3501 §7.2.1
  for (const std::string& mechanism : Authenticator::mechanisms(plaintext))
    text += " AUTH=" + mechanism;
  return text;
}

}  // namespace everpost::node::imap
