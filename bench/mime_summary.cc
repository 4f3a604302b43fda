// How long does it take to read a message's structure when it is accepted, and to make IMAP's
// answers of it later?

#include <benchmark/benchmark.h>
#include <cstring>

#include "node/mime/summary.h"

namespace {

using namespace everpost;
using namespace everpost::node;

const std::string kHeader =
    "Return-Path: <alice@example.org>\r\n"
    "Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.net with "
    "ESMTPS\r\n"
    "\tid 4f1c2a; Tue, 24 Nov 2026 05:10:11 +0000\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n"
    "\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
    "\tb=dGhpcyBpcyBub3QgYSBzaWduYXR1cmUgYnV0IGl0IGhhcyB0aGUgbGVuZ3RoIG9mIG9uZQ==\r\n"
    "From: Alice Liddell <alice@example.org>\r\n"
    "To: Bob <bob@example.net>, \"Carol, C.\" <carol@example.net>\r\n"
    "Subject: =?utf-8?q?Notes_from_Tuesday=E2=80=99s_meeting?=\r\n"
    "Date: Tue, 24 Nov 2026 05:10:09 +0000\r\n"
    "Message-ID: <20261124051009.4f1c2a@mail.example.org>\r\n"
    "MIME-Version: 1.0\r\n";

std::string lines(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text += "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyBhbmQgc28gb24uVGhl\r\n";
  return text;
}

std::string simple(std::size_t bytes) {
  return kHeader + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + lines(bytes);
}

std::string with_attachment(std::size_t bytes) {
  return kHeader + "Content-Type: multipart/mixed; boundary=\"=_d41d8cd98f00b204\"\r\n\r\n" +
         "--=_d41d8cd98f00b204\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + lines(500) +
         "--=_d41d8cd98f00b204\r\nContent-Type: application/pdf; name=\"notes.pdf\"\r\n"
         "Content-Transfer-Encoding: base64\r\n"
         "Content-Disposition: attachment; filename=\"notes.pdf\"\r\n\r\n" +
         lines(bytes) + "--=_d41d8cd98f00b204--\r\n";
}

void report(benchmark::State& state, const std::string& message) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

void summarize_simple(benchmark::State& state) {
  const std::string message = simple(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(mime::summarize(message));
  report(state, message);
}
BENCHMARK(summarize_simple)->Arg(1 << 10)->Arg(10 << 10)->Arg(1 << 20);

void summarize_attachment(benchmark::State& state) {
  const std::string message = with_attachment(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(mime::summarize(message));
  report(state, message);
}
BENCHMARK(summarize_attachment)->Arg(10 << 10)->Arg(1 << 20)->Arg(50 << 20);

void summarize_attachment_in_pieces(benchmark::State& state) {
  const std::string message = with_attachment(static_cast<std::size_t>(state.range(0)));
  const mime::ReadAt read = [&](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
    std::memcpy(to.data(), message.data() + offset, to.size());
    return {};
  };
  for (auto _ : state) benchmark::DoNotOptimize(mime::summarize(message.size(), read));
  report(state, message);
}
BENCHMARK(summarize_attachment_in_pieces)->Arg(1 << 20)->Arg(50 << 20);

// The worst that a sender can do to the scanner: 100 boundaries, each line looks like each of them.
void summarize_hostile(benchmark::State& state) {
  std::string message;
  for (int i = 100; i < 199; ++i)
    message += "Content-Type: multipart/mixed; boundary=" + std::to_string(i) + "\r\n\r\n--" +
               std::to_string(i) + "\r\n";
  while (message.size() < 1 << 20) message += "--1\r\n";
  for (auto _ : state) benchmark::DoNotOptimize(mime::summarize(message));
  report(state, message);
}
BENCHMARK(summarize_hostile);

void encode_summary(benchmark::State& state) {
  const mime::Summary summary = mime::summarize(with_attachment(1000));
  for (auto _ : state) benchmark::DoNotOptimize(mime::encode(summary));
  state.counters["bytes"] = static_cast<double>(mime::encode(summary).size());
}
BENCHMARK(encode_summary);

void decode_summary(benchmark::State& state) {
  const std::string stored = mime::encode(mime::summarize(with_attachment(1000)));
  for (auto _ : state) benchmark::DoNotOptimize(mime::decode(as_bytes(stored)));
}
BENCHMARK(decode_summary);

void render_envelope(benchmark::State& state) {
  const mime::Summary summary = mime::summarize(with_attachment(1000));
  for (auto _ : state) benchmark::DoNotOptimize(mime::imap_envelope(summary.envelope));
}
BENCHMARK(render_envelope);

void render_body_structure(benchmark::State& state) {
  const mime::Summary summary = mime::summarize(with_attachment(1000));
  for (auto _ : state) benchmark::DoNotOptimize(mime::imap_body_structure(summary.root));
}
BENCHMARK(render_body_structure);

}  // namespace

BENCHMARK_MAIN();
