// A sender: SMTP, submission or LMTP; one message after the other on one connection.
#include <optional>

#include "bench/load/message_source.h"
#include "bench/load/run.h"
#include "bench/load/wire.h"

namespace everpost::load {
namespace {

using std::chrono::steady_clock;

// A whole reply, the last line's text; "250-…" lines before it are skipped.
Task<std::string> reply(Wire& wire) {
  for (;;) {
    CO_ASSIGN_OR_RETURN(const std::string_view line, co_await wire.line());
    if (line.size() < 4 || line[3] != '-') co_return std::string(line);
  }
}

Task<void> expect(Wire& wire, char first_digit) {
  CO_ASSIGN_OR_RETURN(std::string text, co_await reply(wire));
  if (text.empty() || text[0] != first_digit)
    co_return Error{ErrorCode::kPermissionDenied, std::move(text)};
  co_return Result<void>{};
}

std::string base64(std::string_view in) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < in.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (i + k < in.size() ? static_cast<unsigned char>(in[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k <= in.size() ? kDigits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

Task<void> open(Wire& wire, const Options& options, unsigned index) {
  CO_CHECK(co_await wire.connect(options));
  CO_CHECK(co_await expect(wire, '2'));
  const std::string hello = options.lmtp ? "LHLO load.invalid\r\n" : "EHLO load.invalid\r\n";
  CO_CHECK(co_await wire.write(hello));
  CO_CHECK(co_await expect(wire, '2'));
  if (options.tls == Tls::kStartTls) {
    CO_CHECK(co_await wire.write("STARTTLS\r\n"));
    CO_CHECK(co_await expect(wire, '2'));
    CO_CHECK(co_await wire.start_tls());
    CO_CHECK(co_await wire.write(hello));
    CO_CHECK(co_await expect(wire, '2'));
  }
  if (!options.user.empty()) {
    const std::string user = numbered(options.user, index % options.accounts + 1);
    std::string plain;
    plain += '\0';
    plain += user;
    plain += '\0';
    plain += options.password;
    const std::string command = "AUTH PLAIN " + base64(plain) + "\r\n";
    CO_CHECK(co_await wire.write(command));
    CO_CHECK(co_await expect(wire, '2'));
  }
  co_return Result<void>{};
}

// Replies to a message: one, or one for each recipient with LMTP (RFC 2033 §4.2).
Task<void> final_replies(Wire& wire, const Options& options) {
  std::optional<Error> refused;
  for (unsigned i = 0; i < (options.lmtp ? options.recipients : 1); ++i) {
    auto done = co_await expect(wire, '2');
    if (!done && done.error().code != ErrorCode::kPermissionDenied) co_return done.error();
    if (!done) refused = done.error();
  }
  if (refused) co_return *refused;
  co_return Result<void>{};
}

Task<void> send(Wire& wire, const Options& options, const std::string& envelope,
                std::string_view message) {
  if (options.chunking) {
    const std::string head = envelope + "BDAT " + std::to_string(message.size()) + " LAST\r\n";
    CO_CHECK(co_await wire.write(head, message));
    for (unsigned i = 0; i < 1 + options.recipients; ++i) CO_CHECK(co_await expect(wire, '2'));
    co_return co_await final_replies(wire, options);
  }
  const std::string head = envelope + "DATA\r\n";
  CO_CHECK(co_await wire.write(head));
  for (unsigned i = 0; i < 1 + options.recipients; ++i) CO_CHECK(co_await expect(wire, '2'));
  CO_CHECK(co_await expect(wire, '3'));
  CO_CHECK(co_await wire.write(message, ".\r\n"));
  co_return co_await final_replies(wire, options);
}

// Sends on one connection until the run ends or the connection is lost.
Task<void> conversation(Run& run, unsigned index, MessageSource& source, std::uint64_t& number) {
  const Options& options = run.options;
  Wire wire(co_await asio::this_coro::executor);
  CO_CHECK(co_await open(wire, options, index));
  Operation& operation = run.report.operations["message"];
  const std::string from =
      options.user.empty() ? options.from : numbered(options.user, index % options.accounts + 1);
  while (run.take()) {
    co_await run.pace();
    std::string envelope = "MAIL FROM:<" + from + ">\r\n";
    for (unsigned i = 0; i < options.recipients; ++i)
      envelope += "RCPT TO:<" +
                  numbered(options.to, static_cast<unsigned>(number++ % options.accounts) + 1) +
                  ">\r\n";
    const std::string_view message = source.next();
    const auto before = steady_clock::now();
    const auto sent = co_await send(wire, options, envelope, message);
    if (sent) {
      operation.latency.add(steady_clock::now() - before);
      operation.bytes += message.size();
      if (run.ledger) {
        std::string line(source.message_id());
        line += '\n';
        std::fwrite(line.data(), 1, line.size(), run.ledger);
      }
      continue;
    }
    operation.refuse(sent.error().context);
    if (sent.error().code == ErrorCode::kClosed) co_return sent.error();
    // After a refusal the two sides may disagree on how many replies are due: begin anew.
    co_return Result<void>{};
  }
  const auto farewell = co_await wire.write("QUIT\r\n");
  (void)farewell;  // the run is over either way
  co_return Result<void>{};
}

}  // namespace

asio::awaitable<void> smtp_session(Run& run, unsigned index) {
  MessageSource source(run.options.size, run.id + index);
  std::uint64_t number = index;
  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (;;) {
    const auto done = co_await conversation(run, index, source, number);
    if (!done) ++run.report.lost_connections;
    const bool over = steady_clock::now() >= run.end ||
                      (run.options.operations > 0 && run.started >= run.options.operations);
    if (over) co_return;
    if (!done && !run.options.reconnect) {
      run.report.operations["message"].refuse(done.error().context);
      co_return;
    }
    pause.expires_after(std::chrono::milliseconds{20});
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace everpost::load
