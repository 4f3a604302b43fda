// everpost-load: bounded load on a mail server, by SMTP, LMTP or IMAP, with rates and latencies.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/random.h"
#include "bench/load/run.h"

namespace everpost::load {
namespace {

// What all kinds of runs share.
void add_common(CLI::App& app, Options& options) {
  app.add_option("--host", options.host, "Address of the server")->capture_default_str();
  app.add_option("--port", options.port, "Port")->required();
  app.add_option("--sessions", options.sessions, "Connections at once")
      ->check(CLI::Range(1u, 10000u))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "The run ends after this time")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--operations", options.operations, "The run ends after this many operations");
  app.add_option("--rate", options.rate, "Operations per second, all sessions together");
  app.add_option("--accounts", options.accounts, "Accounts user001 ... to use in turn")
      ->check(CLI::Range(1u, 100000u))
      ->capture_default_str();
  app.add_option("--size", options.size, "Bytes of each message")->capture_default_str();
  app.add_option("--user", options.user, "Log in as this; %03d becomes the account's number");
  app.add_option("--password", options.password, "Password");
  app.add_option("--pid", options.pids,
                 "Processes of the server, to report CPU and disk writes of");
  app.add_flag("--json", options.json, "Print one JSON object");
  const std::map<std::string, Tls> modes{
      {"none", Tls::kNone}, {"starttls", Tls::kStartTls}, {"implicit", Tls::kImplicit}};
  app.add_option("--tls", options.tls, "none, starttls or implicit")
      ->transform(CLI::CheckedTransformer(modes));
}

int run(const Options& options, asio::awaitable<void> (*session)(Run&, unsigned)) {
  Report report;
  Run run{options, report, nullptr, random_u64() & ~std::uint64_t{0xFFFF}, {}, {}, 0};
  if (!options.ledger.empty()) {
    run.ledger = std::fopen(options.ledger.c_str(), "a");
    if (!run.ledger) {
      std::perror(options.ledger.c_str());
      return 1;
    }
    // Whole lines, each at once: whoever ends this by a signal still finds all that was
    // acknowledged.
    std::setvbuf(run.ledger, nullptr, _IOLBF, 4096);
  }
  const Usage before = usage_of(options.pids);
  asio::io_context io{1};
  run.begin = std::chrono::steady_clock::now();
  run.end = run.begin + std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::duration<double>(options.seconds));
  for (unsigned i = 0; i < options.sessions; ++i)
    asio::co_spawn(io, session(run, i), asio::detached);
  // A server that does not answer must not keep the generator for ever.
  io.run_until(run.end + std::chrono::seconds{30});
  report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - run.begin).count();
  if (!options.pids.empty()) {
    const Usage after = usage_of(options.pids);
    report.has_usage = true;
    report.server.cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    report.server.disk_bytes_written = after.disk_bytes_written - before.disk_bytes_written;
  }
  if (run.ledger) std::fclose(run.ledger);
  const std::string text = options.json ? to_json(report) : to_text(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  for (const auto& [name, operation] : report.operations)
    if (operation.latency.count() > 0) return 0;
  return 1;  // nothing worked
}

}  // namespace

std::string numbered(const std::string& pattern, unsigned number) {
  const auto at = pattern.find("%03d");
  if (at == std::string::npos) return pattern;
  char digits[16];
  std::snprintf(digits, sizeof digits, "%03u", number);
  return pattern.substr(0, at) + digits + pattern.substr(at + 4);
}

asio::awaitable<void> Run::pace() {
  if (options.rate <= 0) co_return;
  asio::steady_timer turn(co_await asio::this_coro::executor);
  turn.expires_at(begin +
                  std::chrono::duration_cast<std::chrono::nanoseconds>(
                      std::chrono::duration<double>(static_cast<double>(started) / options.rate)));
  co_await turn.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace everpost::load

int main(int argc, char** argv) {
  using namespace everpost::load;
  CLI::App app{"Load on a mail server, with rates and latencies (p50, p99)"};
  app.require_subcommand(1);
  Options options;
  auto* smtp = app.add_subcommand("smtp", "Send by SMTP or submission (--tls, --user)");
  auto* lmtp = app.add_subcommand("lmtp", "Send by LMTP");
  auto* imap = app.add_subcommand("imap", "Read by IMAP");
  for (auto* sender : {smtp, lmtp}) {
    add_common(*sender, options);
    sender->add_option("--from", options.from, "Reverse-path")->capture_default_str();
    sender->add_option("--to", options.to, "Recipient; %03d becomes the account's number")
        ->capture_default_str();
    sender->add_option("--recipients", options.recipients, "Recipients of each message")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
    sender->add_flag("--chunking", options.chunking, "BDAT instead of DATA: one round trip");
    sender->add_flag("--reconnect", options.reconnect, "Make lost connections anew");
    sender->add_option("--ledger", options.ledger,
                       "Append the Message-ID of each acknowledged message to this file");
  }
  add_common(*imap, options);
  imap->add_option("--mailbox", options.mailbox, "Mailbox")->capture_default_str();
  imap->add_option("--mix", options.mix,
                   "Operations in turn: headers, body, flags, append, noop, search")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.lmtp = lmtp->parsed();
  return run(options, imap->parsed() ? imap_session : smtp_session);
}
