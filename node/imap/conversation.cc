#include "node/imap/conversation.h"

#include "base/log.h"
#include "node/imap/commands/table.h"
#include "node/imap/commands/upload.h"
#include "node/imap/session/format.h"
#include "node/imap/session/session.h"
#include "node/imap/syntax/command_reader.h"

namespace everpost::node::imap {
namespace {

// Nobody who is not logged in has reason to send much.
constexpr CommandReader::Limits kBeforeLogin{
    .line_bytes = 16 << 10, .command_bytes = 32 << 10, .literals = 10, .skip_bytes = 256 << 10};
constexpr CommandReader::Limits kAfterLogin{};

std::string_view word(Reply::Status status) {
  switch (status) {
    case Reply::Status::kNo:
      return "NO";
    case Reply::Status::kBad:
      return "BAD";
    default:
      return "OK";
  }
}

class Conversation {
 public:
  Conversation(Connection& connection, Services& services, const std::atomic<bool>& stopping,
               const Timing& timing)
      : session_(connection, services, stopping, timing) {}

  asio::awaitable<void> run();

 private:
  Task<void> talk();
  Task<CommandReader::Event> next();
  Task<void> wait_for_input();
  Task<void> handle(CommandReader::Event event);
  Task<void> execute(Command command);
  Task<Reply> dispatch(Command command);
  void answer(const Reply& reply);
  void count(std::string_view command, const Reply& reply,
             std::chrono::steady_clock::duration took);
  void say_bye(const Error& error);
  void log_end() const;

  Session session_;
  CommandReader reader_;
  unsigned bad_ = 0;  // commands in a row that were none
};

asio::awaitable<void> Conversation::run() {
  const auto talked = co_await talk();
  if (!talked) say_bye(talked.error());
  static_cast<void>(co_await session_.unselect());
  const auto flushed = co_await session_.out.flush();
  log_end();
  if (flushed && (talked || talked.error().code != ErrorCode::kClosed))
    static_cast<void>(co_await session_.connection.shut_down());
  else
    session_.connection.close();
}

Task<void> Conversation::talk() {
  reader_.set_limits(kBeforeLogin);
  session_.out << "* OK [CAPABILITY " << capabilities(session_) << "] "
               << session_.services.config.hostname << " Everpost ready\r\n";
  while (session_.leaving.empty()) {
    if (session_.stopping) co_return Error{ErrorCode::kUnavailable, "the server stops"};
    CO_ASSIGN_OR_RETURN(CommandReader::Event event, co_await next());
    const bool was_in = session_.login != nullptr;
    CO_CHECK(co_await handle(std::move(event)));
    if (!was_in && session_.login) reader_.set_limits(kAfterLogin);
    CO_CHECK(co_await session_.out.flush_if_large());
  }
  co_return Result<void>{};
}

// The next thing that needs an answer of ours.
Task<CommandReader::Event> Conversation::next() {
  Connection& connection = session_.connection;
  while (true) {
    if (!reader_.in_command() && !connection.has_input()) CO_CHECK(co_await wait_for_input());
    const auto patience = reader_.in_command()
                              ? std::min(session_.timing.command, session_.patience())
                              : session_.patience();
    CO_ASSIGN_OR_RETURN(const std::string_view input, co_await connection.peek(patience));
    std::size_t taken = 0;
    CommandReader::Event event = reader_.feed(input, taken);
    connection.consume(taken);
    session_.counters.bytes_in += taken;
    if (std::holds_alternative<CommandReader::Continue>(event)) {
      session_.out << "+ Go on\r\n";
      CO_CHECK(co_await session_.out.flush());
    } else if (!std::holds_alternative<CommandReader::NeedInput>(event)) {
      co_return event;
    }
  }
}

// Between two commands: what was answered goes out, then nothing is kept but the session.
Task<void> Conversation::wait_for_input() {
  CO_CHECK(co_await session_.out.flush());
  co_return co_await session_.connection.wait_input(session_.patience());
}

Task<void> Conversation::handle(CommandReader::Event event) {
  if (auto* command = std::get_if<Command>(&event)) co_return co_await execute(std::move(*command));
  if (auto* message = std::get_if<CommandReader::Message>(&event))
    co_return co_await execute(std::move(message->command));
  if (const auto* error = std::get_if<SyntaxError>(&event)) {
    session_.tag = error->tag;
    const Reply reply = error->no ? no(error->response) : bad(error->response);
    count("unknown", reply, {});
    answer(reply);
    co_return Result<void>{};
  }
  session_.leaving = "too much of a refused command";
  session_.out << "* BYE [TOOBIG] Too much to read past\r\n";
  co_return Result<void>{};
}

Task<void> Conversation::execute(Command command) {
  ++session_.counters.commands;
  session_.tag = command.tag;
  const std::string_view name = name_of(command.arguments);
  const Expunges expunges = expunges_of(command.arguments);
  const auto began = std::chrono::steady_clock::now();
  CO_ASSIGN_OR_RETURN(const Reply reply, co_await dispatch(std::move(command)));

  if (session_.leaving.empty()) {
    const bool may_expunge = expunges == Expunges::kAlways || (expunges == Expunges::kWhenWaiting &&
                                                               !session_.connection.has_input());
    CO_CHECK(co_await session_.tell_changes({may_expunge, session_.condstore}, false));
  }
  count(name, reply, std::chrono::steady_clock::now() - began);
  if (session_.leaving != kMailboxDeleted) answer(reply);
  co_return Result<void>{};
}

Task<Reply> Conversation::dispatch(Command command) {
  const CommandInfo& info = info_of(command.arguments);
  if (allowed(info, session_.state()))
    co_return co_await info.run(session_, std::move(command.arguments));
  if (auto* append = std::get_if<AppendCommand>(&command.arguments))
    CO_CHECK(co_await skip_message(session_, std::move(*append)));
  co_return bad(std::string(info.name) + (session_.login ? " is not possible in this state"
                                                         : " is not possible before the login"));
}

void Conversation::answer(const Reply& reply) {
  if (reply.status == Reply::Status::kSent) return;
  session_.out << session_.tag << " " << word(reply.status) << " " << printable(reply.text)
               << "\r\n";
  if (reply.status != Reply::Status::kBad) {
    bad_ = 0;
    return;
  }
  if (++bad_ <
      (session_.login ? session_.timing.bad_commands : session_.timing.bad_commands_before_login))
    return;
  session_.leaving = "too many bad commands";
  session_.out << "* BYE Too many bad commands\r\n";
}

void Conversation::count(std::string_view command, const Reply& reply,
                         std::chrono::steady_clock::duration took) {
  constexpr const char* kResults[] = {"ok", "no", "bad", "ok"};
  Metrics& metrics = session_.services.metrics;
  metrics.imap_commands
      .Add({{"command", std::string(command)},
            {"result", kResults[static_cast<std::size_t>(reply.status)]}})
      .Increment();
  metrics.imap_seconds.Add({{"command", std::string(command)}}, latency_buckets())
      .Observe(std::chrono::duration<double>(took).count());
}

void Conversation::say_bye(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
      session_.leaving = "server stops";
      session_.out << "* BYE [UNAVAILABLE] The server is going down\r\n";
      break;
    case ErrorCode::kTimeout:
      session_.leaving = "timeout";
      session_.out << "* BYE Autologout, nothing was said for too long\r\n";  // RFC 3501 §5.4
      break;
    default:
      session_.leaving = to_string(error);
      break;
  }
}

void Conversation::log_end() const {
  const Counters& counters = session_.counters;
  const auto age = std::chrono::steady_clock::now() - session_.started;
  log::write(session_.login ? log::Level::kInfo : log::Level::kDebug, "imap logout",
             {{"login", session_.login ? session_.login->address : ""},
              {"peer", session_.connection.peer_address()},
              {"client", session_.client},
              {"why", session_.leaving},
              {"commands", counters.commands},
              {"in", counters.bytes_in},
              {"out", session_.out.bytes()},
              {"fetched", counters.fetched},
              {"appended", counters.appended},
              {"expunged", counters.expunged},
              {"ms", std::chrono::duration<double, std::milli>(age).count()}});
}

}  // namespace

asio::awaitable<void> converse(std::unique_ptr<Connection> connection, Services& services,
                               const std::atomic<bool>& stopping, Timing timing) {
  Conversation conversation(*connection, services, stopping, timing);
  try {
    co_await conversation.run();
  } catch (const std::exception& failure) {  // of a library, or no memory: this session ends
    log::error("imap session failed", {{"error", failure.what()}});
    connection->close();
  }
}

}  // namespace everpost::node::imap
