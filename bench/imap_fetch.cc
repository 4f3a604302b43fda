// What does one message of a FETCH cost, from its stored summary and its bytes to the response? And
// one message of a SEARCH?

#include <benchmark/benchmark.h>
#include <cstring>

#include "node/imap/fetch/fetch_stream.h"
#include "node/imap/search/search.h"

namespace {

using namespace everpost;
using namespace everpost::node;
using imap::BodySection;
using imap::FetchItem;
using imap::SearchKey;

std::string message(std::size_t bytes) {
  std::string text =
      "Return-Path: <alice@example.org>\r\n"
      "Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.net with ESMTPS"
      "\r\n\tid 4f1c2a; Tue, 24 Nov 2026 05:10:11 +0000\r\n"
      "From: Alice Liddell <alice@example.org>\r\n"
      "To: Bob <bob@example.net>, \"Carol, C.\" <carol@example.net>\r\n"
      "Subject: =?utf-8?q?Notes_from_Tuesday=E2=80=99s_meeting?=\r\n"
      "Date: Tue, 24 Nov 2026 05:10:09 +0000\r\n"
      "Message-ID: <20261124051009.4f1c2a@mail.example.org>\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/mixed; boundary=\"=_d41d8cd98f00b204\"\r\n\r\n"
      "--=_d41d8cd98f00b204\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  while (text.size() < bytes) text += "the quick brown fox jumps over the lazy dog and so on\r\n";
  return text + "--=_d41d8cd98f00b204--\r\n";
}

struct Mailbox {
  std::string bytes;
  std::string summary;
  storage::MessageInfo info;

  explicit Mailbox(std::size_t size) : bytes(message(size)) {
    summary = mime::encode(mime::summarize(bytes));
    info.uid = Uid{1};
    info.modseq = ModSeq{1};
    info.size = bytes.size();
    info.content = {{Lsn{0}, static_cast<std::uint32_t>(bytes.size()), 0}};
  }
};

FetchItem item(FetchItem::Kind kind) {
  FetchItem item;
  item.kind = kind;
  return item;
}
FetchItem section(BodySection::Text text, std::vector<std::string> fields = {}) {
  FetchItem item;
  item.kind = FetchItem::Kind::kSection;
  item.section.text = text;
  item.section.fields = std::move(fields);
  return item;
}

// A batch of 100 messages, as a session does it; the storage is memory.
void fetch(benchmark::State& state, const std::vector<FetchItem>& items, std::size_t size) {
  constexpr std::uint32_t kBatch = 100;
  const Mailbox mailbox(size);
  std::uint64_t sent = 0;
  for (auto _ : state) {
    imap::FetchStream stream(items);
    for (std::uint32_t seq = 1; seq <= kBatch; ++seq) {
      if (stream.needs_summaries()) {
        const Result<mime::Summary> summary = mime::decode(as_bytes(mailbox.summary));
        if (!summary || !stream.add(mailbox.info, seq, false, &*summary)) std::abort();
      } else if (!stream.add(mailbox.info, seq, false, nullptr)) {
        std::abort();
      }
    }
    while (!stream.done()) {
      std::vector<std::string> bytes;
      for (const cluster::ByteRange& range : stream.next(256 << 10))
        bytes.push_back(mailbox.bytes.substr(range.offset, range.bytes));
      const auto views = stream.take(std::move(bytes));
      if (!views) std::abort();
      for (const std::string_view view : *views) sent += view.size();
    }
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.SetBytesProcessed(static_cast<std::int64_t>(sent));
}

void fetch_flags(benchmark::State& state) {
  fetch(state, {item(FetchItem::Kind::kUid), item(FetchItem::Kind::kFlags)}, 10 << 10);
}
BENCHMARK(fetch_flags);

void fetch_envelope(benchmark::State& state) {
  fetch(state, {item(FetchItem::Kind::kEnvelope)}, 10 << 10);
}
BENCHMARK(fetch_envelope);

void fetch_body_structure(benchmark::State& state) {
  fetch(state, {item(FetchItem::Kind::kBodyStructure)}, 10 << 10);
}
BENCHMARK(fetch_body_structure);

void fetch_header_fields(benchmark::State& state) {  // what Thunderbird asks for in a new mailbox
  fetch(state,
        {item(FetchItem::Kind::kUid), item(FetchItem::Kind::kSize), item(FetchItem::Kind::kFlags),
         section(
             BodySection::Text::kHeaderFields,
             {"From", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "Priority", "X-Priority",
              "References", "Newsgroups", "In-Reply-To", "Content-Type", "Reply-To"})},
        10 << 10);
}
BENCHMARK(fetch_header_fields);

void fetch_body(benchmark::State& state) {
  fetch(state, {section(BodySection::Text::kAll)}, static_cast<std::size_t>(state.range(0)));
}
BENCHMARK(fetch_body)->Arg(1 << 10)->Arg(10 << 10)->Arg(1 << 20);

SearchKey text_key(SearchKey::Kind kind, const char* text) {
  SearchKey key;
  key.kind = kind;
  key.field = "Subject";
  key.text = text;
  return key;
}

void search_flags(benchmark::State& state) {
  SearchKey unseen;
  unseen.kind = SearchKey::Kind::kNot;
  unseen.keys.resize(1);
  unseen.keys[0].kind = SearchKey::Kind::kFlag;
  unseen.keys[0].number = storage::kSeen;
  const imap::Search search(unseen, 1, Uid{1});
  const Mailbox mailbox(1 << 10);
  for (auto _ : state) benchmark::DoNotOptimize(search.by_metadata({mailbox.info, 1, false}));
}
BENCHMARK(search_flags);

void search_subject(benchmark::State& state) {
  const imap::Search search(text_key(SearchKey::Kind::kHeader, "minutes"), 1, Uid{1});
  const Mailbox mailbox(1 << 10);
  const mime::Summary summary = *mime::decode(as_bytes(mailbox.summary));
  const std::string_view header =
      std::string_view(mailbox.bytes).substr(0, summary.root.header_bytes);
  for (auto _ : state)
    benchmark::DoNotOptimize(search.by_header({mailbox.info, 1, false}, summary, header));
}
BENCHMARK(search_subject);

void search_body(benchmark::State& state) {
  const imap::Search search(text_key(SearchKey::Kind::kBody, "minutes"), 1, Uid{1});
  const Mailbox mailbox(static_cast<std::size_t>(state.range(0)));
  const mime::Summary summary = *mime::decode(as_bytes(mailbox.summary));
  const mime::ReadAt read = [&](std::uint64_t offset, std::span<std::byte> to) -> Result<void> {
    std::memcpy(to.data(), mailbox.bytes.data() + offset, to.size());
    return {};
  };
  for (auto _ : state)
    benchmark::DoNotOptimize(search.by_content({mailbox.info, 1, false}, summary, read));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(mailbox.bytes.size()));
}
BENCHMARK(search_body)->Arg(10 << 10)->Arg(1 << 20);

}  // namespace

BENCHMARK_MAIN();
