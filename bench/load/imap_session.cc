// A reader: logs in, selects a mailbox, and then, in turn, what the mix names: "headers" (envelopes
// of 50 messages), "body" (one whole message), "flags" (STORE on one message), "append", "noop",
// "search".
#include <charconv>

#include "bench/load/message_source.h"
#include "bench/load/run.h"
#include "bench/load/wire.h"

namespace everpost::load {
namespace {

using std::chrono::steady_clock;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= list.size();) {
    const auto end = std::min(list.find(',', at), list.size());
    if (end > at) names.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

// Reads responses up to the tagged one; literals are skipped. Counts bytes; notes "* n EXISTS".
struct Outcome {
  std::uint64_t bytes = 0;
  std::uint64_t exists = 0;
  std::string status;  // "OK …"
};

Task<Outcome> finish(Wire& wire, std::string tag) {
  Outcome outcome;
  std::string bye;  // comes before the answer to LOGOUT (RFC 3501 6.1.3), or instead of one
  for (;;) {
    const Result<std::string_view> read = co_await wire.line();
    if (!read) co_return bye.empty() ? read.error() : Error{ErrorCode::kClosed, bye};
    const std::string_view line = *read;
    outcome.bytes += line.size() + 2;
    if (line.starts_with(tag) && line.size() > tag.size()) {
      outcome.status = line.substr(tag.size() + 1);
      co_return outcome;
    }
    if (line.starts_with("* BYE")) bye = line;
    if (line.ends_with(" EXISTS"))
      std::from_chars(line.data() + 2, line.data() + line.size(), outcome.exists);
    if (line.ends_with('}')) {
      const auto open = line.rfind('{');
      std::uint64_t literal = 0;
      if (open != std::string_view::npos)
        std::from_chars(line.data() + open + 1, line.data() + line.size(), literal);
      CO_CHECK(co_await wire.skip(literal));
      outcome.bytes += literal;
    }
  }
}

class Session {
 public:
  Session(Run& run, unsigned index, asio::any_io_executor executor)
      : run_(run), index_(index), wire_(executor), source_(run.options.size, run.id + index) {}

  Task<void> converse() {
    const Options& options = run_.options;
    CO_CHECK(co_await wire_.connect(options));
    CO_ASSIGN_OR_RETURN(const auto greeting, co_await wire_.line());
    if (!greeting.starts_with("* OK")) co_return Error{ErrorCode::kClosed, std::string(greeting)};
    if (options.tls == Tls::kStartTls) {
      CO_CHECK(co_await command("STARTTLS"));
      CO_CHECK(co_await wire_.start_tls());
    }
    CO_CHECK(co_await command("LOGIN \"" + numbered(options.user, index_ % options.accounts + 1) +
                              "\" \"" + options.password + "\""));
    CO_ASSIGN_OR_RETURN(const Outcome selected,
                        co_await command("SELECT \"" + options.mailbox + "\""));
    messages_ = selected.exists;
    const auto mix = split(options.mix);
    for (std::size_t n = 0; run_.take(); ++n) {
      co_await run_.pace();
      CO_CHECK(co_await operate(mix[n % mix.size()]));
    }
    CO_CHECK(co_await command("LOGOUT"));
    co_return Result<void>{};
  }

 private:
  Task<Outcome> command(std::string text) {
    const std::string tag = "a" + std::to_string(++tag_);
    const std::string line = tag + " " + text + "\r\n";
    CO_CHECK(co_await wire_.write(line));
    CO_ASSIGN_OR_RETURN(Outcome outcome, co_await finish(wire_, tag));
    if (!outcome.status.starts_with("OK"))
      co_return Error{ErrorCode::kPermissionDenied, outcome.status};
    co_return outcome;
  }

  Task<Outcome> append() {
    const std::string_view message = source_.next();
    const std::string tag = "a" + std::to_string(++tag_);
    const std::string line = tag + " APPEND \"" + run_.options.mailbox + "\" {" +
                             std::to_string(message.size()) + "+}\r\n";
    CO_CHECK(co_await wire_.write(line, message));
    CO_CHECK(co_await wire_.write("\r\n"));
    CO_ASSIGN_OR_RETURN(Outcome outcome, co_await finish(wire_, tag));
    if (!outcome.status.starts_with("OK"))
      co_return Error{ErrorCode::kPermissionDenied, outcome.status};
    outcome.bytes = message.size();
    co_return outcome;
  }

  Task<void> operate(const std::string& name) {
    const auto pick = [this] {
      seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
      return messages_ == 0 ? 1 : (seed_ >> 33) % messages_ + 1;
    };
    Operation& operation = run_.report.operations[name];
    const auto before = steady_clock::now();
    Result<Outcome> outcome = Error{ErrorCode::kInvalidArgument, "no such operation: " + name};
    if (name == "headers") {
      const auto from = pick();
      outcome = co_await command(
          "FETCH " + std::to_string(from) + ":" +
          std::to_string(std::min(from + 49, std::max<std::uint64_t>(messages_, 1))) +
          " (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)");
    } else if (name == "body") {
      outcome = co_await command("FETCH " + std::to_string(pick()) + " (UID BODY.PEEK[])");
    } else if (name == "flags") {
      outcome = co_await command("STORE " + std::to_string(pick()) + " " +
                                 (seed_ >> 40 & 1 ? "+" : "-") + "FLAGS (\\Flagged)");
    } else if (name == "append") {
      outcome = co_await append();
    } else if (name == "noop") {
      outcome = co_await command("NOOP");
    } else if (name == "search") {
      outcome = co_await command("UID SEARCH UNSEEN");
    }
    if (outcome) {
      operation.latency.add(steady_clock::now() - before);
      operation.bytes += outcome->bytes;
      if (outcome->exists > 0) messages_ = outcome->exists;
      co_return Result<void>{};
    }
    operation.refuse(outcome.error().context);
    if (outcome.error().code == ErrorCode::kPermissionDenied) co_return Result<void>{};
    co_return outcome.error();
  }

  Run& run_;
  const unsigned index_;
  Wire wire_;
  MessageSource source_;
  unsigned tag_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t seed_ = 88172645463325252u + index_;
};

}  // namespace

asio::awaitable<void> imap_session(Run& run, unsigned index) {
  Session session(run, index, co_await asio::this_coro::executor);
  const auto done = co_await session.converse();
  if (done) co_return;
  ++run.report.lost_connections;
  run.report.operations["session"].refuse(done.error().context);
}

}  // namespace everpost::load
