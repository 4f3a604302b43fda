// How fast are a message's bytes decoded (dots, line ends, limits), and what does a small message
// cost from MAIL to the MailTxn, without network and store?
#include <benchmark/benchmark.h>
#include <string>

#include "base/crc32c.h"
#include "node/mime/summary.h"
#include "node/smtp/delivery.h"
#include "node/smtp/incoming_message.h"
#include "node/smtp/protocol.h"
#include "node/smtp/trace.h"

namespace everpost::node::smtp {
namespace {

// Text in lines of `line_bytes`, one in fifty starting with a dot that has been stuffed.
std::string text(std::size_t bytes, std::size_t line_bytes) {
  std::string text;
  for (std::size_t n = 0; text.size() < bytes; ++n) {
    text += n % 50 == 0 ? ".." : "ab";
    text.append(line_bytes - 4, static_cast<char>('a' + n % 26));
    text += "\r\n";
  }
  return text;
}

// The argument is the length of the lines: 78 is mail's usual, 40 what people type.
void decode(benchmark::State& state) {
  const std::string input = text(1 << 20, static_cast<std::size_t>(state.range(0)));
  std::string output(input.size() + 1, '\0');
  for (auto _ : state) {
    DataDecoder decoder(DataDecoder::Framing::kDots);
    for (std::size_t at = 0; at < input.size(); at += 64 << 10)
      benchmark::DoNotOptimize(
          decoder.decode(std::string_view(input).substr(at, 64 << 10), output.data()));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * input.size()));
}
BENCHMARK(decode)->Arg(40)->Arg(78)->Arg(998);

void transaction(benchmark::State& state) {
  Settings settings;
  settings.flavour = Flavour::kLmtp;
  settings.hostname = "mx.example.org";
  settings.message_bytes = 50 << 20;
  settings.recipients = 1000;
  Protocol protocol(std::move(settings), false);
  protocol.on_line("LHLO client.example");
  Resolution found;
  found.domain_is_ours = true;
  found.local.push_back({"user001@example.org", AccountId{1}, ShardId{1}, 0});
  const std::string data = "Subject: hello\r\nFrom: <a@b.example>\r\nDate: now\r\n\r\n" +
                           text(static_cast<std::size_t>(state.range(0)), 78) + ".\r\n";
  for (auto _ : state) {
    protocol.on_line("MAIL FROM:<sender@client.example> SIZE=10000");
    protocol.on_line("RCPT TO:<user001@example.org>");
    protocol.on_recipient(RecipientFacts{found, false});
    protocol.on_line("DATA");
    protocol.on_ready(true);

    IncomingMessage::Options options;
    options.bytes_max = 50 << 20;
    options.trace = trace_fields(protocol.session(),
                                 {"192.0.2.1", "", "495972-1-0000000000000001", WallTime{}});
    IncomingMessage message(std::move(options));
    std::string_view rest = data;
    while (!message.ended()) {
      if (message.room() == 0) message.reserve(message.reserved() == 0 ? 16 << 10 : 256 << 10);
      rest.remove_prefix(message.take(rest));
    }
    message.finish();

    storage::NewContent content;
    const std::string summary = mime::encode(mime::summarize(message.tail()));
    content.summary_bytes = static_cast<std::uint32_t>(summary.size());
    content.summary_crc = crc32c(as_bytes(summary));
    content.own_bytes = static_cast<std::uint32_t>(message.tail().size());
    content.own_crc = crc32c(as_bytes(message.tail()));
    benchmark::DoNotOptimize(message.take_tail());
    content.size = message.size();
    content.guid = message.guid();
    Delivery delivery(protocol.transaction(), content, Flavour::kLmtp);
    benchmark::DoNotOptimize(delivery.take_commands());
    storage::MailOutcome outcome;
    outcome.results.emplace_back(std::vector<storage::AddedMessage>(1));
    protocol.on_message(delivery.judge(outcome));
  }
}
BENCHMARK(transaction)->Arg(1 << 10)->Arg(10 << 10)->Arg(100 << 10);

}  // namespace
}  // namespace everpost::node::smtp

BENCHMARK_MAIN();
