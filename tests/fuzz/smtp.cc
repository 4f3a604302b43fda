// Whatever a client sends, through the real line cutter, Protocol and message decoder, without a
// socket. Never crashes, never keeps more than its limits, and every reply is one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/invariant.h"
#include "node/smtp/delivery.h"
#include "node/smtp/incoming_message.h"
#include "node/smtp/limits.h"
#include "node/smtp/protocol.h"
#include "node/smtp/trace.h"

namespace everpost::node::smtp {
namespace {

// RFC 5321 §4.2: three digits, then a space or, on all lines but the last, a hyphen.
void check_replies(std::string_view replies) {
  while (!replies.empty()) {
    const std::size_t end = replies.find("\r\n");
    INVARIANT(end != replies.npos, "a reply ends with CRLF");
    const std::string_view line = replies.substr(0, end);
    INVARIANT(line.size() + 2 <= kReplyLineBytes, "a reply fits into a line");
    INVARIANT(line.size() >= 4 && line[0] >= '2' && line[0] <= '5' && line[1] >= '0' &&
                  line[1] <= '9' && line[2] >= '0' && line[2] <= '9',
              "a reply starts with its code");
    INVARIANT(line[3] == ' ' || line[3] == '-', "then a space or a hyphen");
    for (const char c : line) INVARIANT(c != '\r' && c != '\n', "a line is one line");
    INVARIANT(line[3] == ' ' || end + 2 < replies.size(), "a hyphen announces another line");
    replies.remove_prefix(end + 2);
  }
}

Settings settings(Flavour flavour) {
  Settings settings;
  settings.flavour = flavour;
  settings.hostname = "mx.example.org";
  settings.message_bytes = 1 << 20;
  settings.recipients = 10;
  settings.tls_available = true;
  settings.mechanisms = {"PLAIN", "LOGIN", "SCRAM-SHA-256"};
  return settings;
}

// A client's bytes, which come `step` at a time.
class Fuzzed {
 public:
  Fuzzed(Flavour flavour, bool tls, std::size_t step, std::string_view input)
      : protocol_(settings(flavour), tls), step_(step), input_(input) {}

  void run() {
    check_replies(protocol_.greeting());
    Step step;
    while (!std::holds_alternative<HangUp>(step.action)) {
      while (std::holds_alternative<ReadLine>(step.action)) {
        if (message_ && !protocol_.in_transaction()) message_.reset();
        const CommandLines::Next found = lines_.next(buffered());
        if (found.kind == CommandLines::Kind::kLine)
          step = protocol_.on_line(found.line);
        else if (found.kind != CommandLines::Kind::kIncomplete)
          step = protocol_.on_fault(found.kind);
        const bool more = found.kind != CommandLines::Kind::kIncomplete;
        drop(found.consumed);
        if (!more && !receive()) return;
        INVARIANT(buffered().size() <= kAuthLineBytes + step_, "a line is not kept for ever");
        check_replies(step.reply);
      }
      if (std::holds_alternative<HangUp>(step.action)) return;
      auto next = std::visit([this](auto&& action) { return perform(action); }, step.action);
      if (!next) return;
      step = *std::move(next);
      check_replies(step.reply);
    }
  }

 private:
  std::string_view buffered() const { return input_.substr(at_, have_); }
  void drop(std::size_t bytes) {
    INVARIANT(bytes <= have_, "nothing is consumed that is not there");
    at_ += bytes;
    have_ -= bytes;
  }
  bool receive() {
    const std::size_t more = std::min(step_, input_.size() - at_ - have_);
    have_ += more;
    return more > 0;
  }

  // Every other address is one of ours.
  Resolution resolve(const Address& address) {
    Resolution resolution;
    resolution.domain_is_ours = address.domain.size() % 4 != 0;
    resolution.enabled = address.local.size() % 7 != 0;
    if (resolution.domain_is_ours && address.local.size() % 3 != 0)
      for (std::size_t i = 0; i <= address.local.size() % 2; ++i)
        resolution.local.push_back({address.text(), AccountId{address.local.size() + i},
                                    ShardId{static_cast<std::uint32_t>(1 + i)}, 0});
    if (address.local.size() % 5 == 4) resolution.elsewhere = {address.text()};
    return resolution;
  }

  using Next = std::optional<Step>;
  Next perform(const ReadLine&) { return Step{}; }
  Next perform(const HangUp&) { return Step{}; }
  Next perform(const LookUpSender& what) { return protocol_.on_sender(resolve(what.address)); }
  Next perform(const LookUpRecipient& what) {
    return protocol_.on_recipient(
        RecipientFacts{resolve(what.address), what.address.local.size() % 11 == 10});
  }
  Next perform(const BeginAuth& what) { return auth(what.initial.value_or("")); }
  Next perform(const ContinueAuth& what) { return auth(what.data); }
  Next auth(const std::string& data) {
    if (data.size() % 4 == 3) return protocol_.on_auth(Error{ErrorCode::kPermissionDenied, ""});
    Authenticator::Exchange::Step step;
    if (data.size() % 4 == 1) step.challenge = data;
    if (data.size() % 2 == 0 && !data.empty()) {
      auto account = std::make_shared<storage::AccountRecord>();
      account->id = AccountId{data.size() % 8};
      step.login = account;
    }
    return protocol_.on_auth(step);
  }
  Next perform(const StartTls&) {
    at_ += have_;
    have_ = 0;
    lines_ = {};
    protocol_.on_tls();
    return Step{};
  }

  void begin(DataDecoder::Framing framing) {
    IncomingMessage::Options options;
    options.framing = framing;
    options.trace = trace_fields(protocol_.session(), {"192.0.2.1", "", "id", {}});
    options.date = "Date: x\r\n";
    options.message_id = "Message-ID: <x>\r\n";
    options.bytes_max = 1 << 20;
    message_.emplace(std::move(options));
  }
  std::size_t take(std::string_view input) {
    if (message_->room() == 0) {
      if (message_->chunk_ready()) message_->chunk();
      message_->reserve(std::max<std::size_t>(4096, message_->reserved() * 2));
    }
    const std::size_t taken = message_->take(input);
    INVARIANT(message_->tail().size() <= IncomingMessage::kChunkBytes + 2048, "memory is bounded");
    return taken;
  }
  Next finish() {
    message_->finish();
    MessageResult result;
    result.refusal = message_->refusal();
    message_.reset();
    if (!result.refusal) {
      const Transaction& transaction = protocol_.transaction();
      Delivery delivery(transaction, {}, protocol_.session().settings.flavour);
      storage::MailOutcome outcome;
      for (const storage::MailCommand& command : delivery.take_commands()) {
        if (const auto* add = std::get_if<storage::AddMessage>(&command))
          outcome.results.emplace_back(std::vector<storage::AddedMessage>(add->targets.size()));
        else
          outcome.results.emplace_back(storage::QueuedMessage{1});
      }
      result = delivery.judge(outcome);
      for (const auto& refusal : result.recipients) INVARIANT(!refusal, "all are delivered to");
    }
    return protocol_.on_message(result);
  }
  Next perform(const ReceiveData&) {
    Step ready = protocol_.on_ready(input_.size() % 16 != 15);
    if (!ready.reply.starts_with("354")) return ready;
    check_replies(ready.reply);
    begin(DataDecoder::Framing::kDots);
    while (!message_->ended()) {
      if (have_ == 0 && !receive()) return std::nullopt;
      drop(take(buffered()));
    }
    return finish();
  }
  Next perform(const ReceiveChunk& chunk) {
    if (!chunk.discard && !message_) begin(DataDecoder::Framing::kChunks);
    for (std::uint64_t left = chunk.bytes; left > 0;) {
      if (have_ == 0 && !receive()) return std::nullopt;
      const std::string_view piece = buffered().substr(0, left);
      const std::size_t taken = chunk.discard ? piece.size() : take(piece);
      drop(taken);
      left -= taken;
    }
    if (chunk.discard) return protocol_.on_discarded();
    if (chunk.last) return finish();
    return protocol_.on_chunk(chunk.bytes, message_->refusal());
  }

  Protocol protocol_;
  CommandLines lines_;
  std::optional<IncomingMessage> message_;
  const std::size_t step_;
  const std::string_view input_;
  std::size_t at_ = 0, have_ = 0;
};

}  // namespace
}  // namespace everpost::node::smtp

// The first two bytes say how: the flavour and TLS, and how much comes at a time.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace everpost::node::smtp;
  if (size < 2) return 0;
  constexpr Flavour kFlavours[] = {Flavour::kSmtp, Flavour::kSubmission, Flavour::kLmtp};
  const std::size_t step = data[1] == 0 ? size : data[1];
  Fuzzed(kFlavours[data[0] % 3], (data[0] & 4) != 0, step,
         {reinterpret_cast<const char*>(data) + 2, size - 2})
      .run();
  return 0;
}
