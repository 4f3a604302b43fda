// IDLE, RFC 2177: changes of the selected mailbox are told as they happen.
#include "node/imap/commands/commands.h"
#include "node/imap/syntax/ascii.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kLineMax = 1024;
constexpr std::chrono::seconds kTryAgainAfter{1};

}  // namespace

Task<Reply> run_idle(Session& session, IdleCommand) {
  session.out << "+ idling\r\n";
  const auto until = std::chrono::steady_clock::now() + session.timing.idle;
  asio::steady_timer nothing_selected(session.connection.executor());
  bool force = true;  // what the watch has missed, if it ever does
  while (true) {
    CO_CHECK(co_await session.tell_changes({true, session.condstore}, force));
    force = false;
    CO_CHECK(co_await session.out.flush());
    if (!session.leaving.empty()) co_return Reply{Reply::Status::kSent, {}};
    if (session.selected && session.selected->wake->changed()) continue;

    asio::steady_timer& timer =
        session.selected ? session.selected->wake->timer() : nothing_selected;
    const auto keep_alive = std::chrono::steady_clock::now() + session.timing.keep_alive;
    const bool behind = session.selected && session.selected->behind;
    const auto retry = std::chrono::steady_clock::now() + kTryAgainAfter;
    timer.expires_at(std::min(behind ? retry : keep_alive, until));
    CO_ASSIGN_OR_RETURN(const bool input,
                        co_await session.connection.wait_input_or(timer, session.timing.idle));
    const auto now = std::chrono::steady_clock::now();
    if (input) break;
    if (session.stopping) co_return Error{ErrorCode::kUnavailable, "the server stops"};
    if (now >= until) co_return Error{ErrorCode::kTimeout, "IDLE for too long"};
    if (now < keep_alive) continue;
    session.out << "* OK Still here\r\n";  // keeps address translators from forgetting us
    force = true;
  }
  const auto line = co_await session.connection.read_line(kLineMax, session.timing.command);
  if (!line) {
    if (line.error().code == ErrorCode::kTooLarge) co_return bad("expected DONE");
    co_return line.error();
  }
  session.counters.bytes_in += line->size() + 2;
  if (!equal_no_case(*line, "DONE")) co_return bad("expected DONE");
  co_return ok("IDLE completed");
}

}  // namespace everpost::node::imap
