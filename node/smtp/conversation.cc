#include "node/smtp/conversation.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace everpost::node::smtp {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kRepliesBytes = 16 << 10;  // gathered at most before they are sent
constexpr std::size_t kRepliesKept = 1 << 10;    // of their memory, while a connection is idle

Settings settings(Flavour flavour, const Services& services) {
  Settings settings;
  settings.flavour = flavour;
  settings.hostname = services.config.hostname;
  settings.message_bytes = services.config.message_bytes;
  settings.recipients = services.config.recipients;
  settings.tls_available = services.tls != nullptr;
  // Offered under TLS only, whatever the configuration says, so plain text is fine.
  if (flavour == Flavour::kSubmission) settings.mechanisms = Authenticator::mechanisms(true);
  return settings;
}

}  // namespace

Conversation::Conversation(std::unique_ptr<Connection> connection, Flavour flavour,
                           Services& services, const std::atomic<bool>& stopping)
    : connection_(std::move(connection)),
      services_(services),
      stopping_(stopping),
      protocol_(settings(flavour, services), connection_->tls()),
      accounting_(services.metrics, flavour, connection_->peer_address()) {}

asio::awaitable<void> Conversation::run() {
  replies_ = protocol_.greeting();
  const Result<void> end = co_await talk();
  if (!end) {
    if (reception_)
      accounting_.broke_off(protocol_.session(),
                            end.error().code == ErrorCode::kTimeout ? "timeout" : "client_gone",
                            end.error());
    if (end.error().code == ErrorCode::kTimeout) {
      replies_ += protocol_.on_timeout().reply;
      static_cast<void>(co_await flush());  // if it still can be told
    }
  }
  if (reception_) co_await reception_->abandon();
  static_cast<void>(co_await connection_->shut_down());
}

Task<void> Conversation::talk() {
  for (;;) {
    CO_ASSIGN_OR_RETURN(Step step, co_await next());
    for (;;) {
      if (!step.refused.empty()) accounting_.refused(protocol_.session(), step);
      if (!logged_in_ && protocol_.session().login) {
        logged_in_ = true;
        accounting_.logged_in(protocol_.session());
      }
      replies_ += step.reply;
      // RSET and its like, or a piece of it that was refused, end a message sent with BDAT.
      if (reception_ && !protocol_.in_transaction()) {
        co_await reception_->abandon();
        reception_.reset();
      }
      if (std::holds_alternative<HangUp>(step.action)) co_return co_await flush();
      if (std::holds_alternative<ReadLine>(step.action)) break;
      CO_ASSIGN_OR_RETURN(step, co_await perform(std::move(step.action)));
    }
    if (!protocol_.in_transaction()) {
      envelope_memory_.clear();
      envelope_bytes_ = 0;
    }
    if (replies_.size() > kRepliesBytes) CO_CHECK(co_await flush());
  }
}

// --- lines

Task<Step> Conversation::next() {
  for (;;) {
    if (!input_.empty()) {
      if (stopping_) co_return protocol_.on_shutdown();
      const CommandLines::Next found = lines_.next(input_);
      if (found.kind == CommandLines::Kind::kLine) {
        Step step = protocol_.on_line(found.line);
        done_with(found.consumed);
        co_return step;
      }
      done_with(found.consumed);
      if (found.kind != CommandLines::Kind::kIncomplete) co_return protocol_.on_fault(found.kind);
    }
    if (auto waited = co_await more(); !waited) {
      if (waited.error().code == ErrorCode::kUnavailable) co_return protocol_.on_shutdown();
      co_return std::move(waited).error();
    }
  }
}

Task<void> Conversation::more() {
  const std::size_t have = input_.size();  // of a line that is not complete
  release();
  if (have == 0) {
    if (!connection_->has_input()) {
      CO_CHECK(co_await flush());
      // Between two BDATs the message holds memory, so its own limits count, too.
      SteadyClock::duration patience = kCommandTimeout;
      if (reception_) {
        CO_ASSIGN_OR_RETURN(patience, reception_->patience());
      }
      CO_CHECK(co_await connection_->wait_input(patience));
    }
    line_began_ = SteadyClock::now();
  } else {
    CO_CHECK(co_await flush());
  }
  // The whole line has to come within the timeout, not just the next byte of it.
  const auto left = line_began_ + kCommandTimeout - SteadyClock::now();
  if (left <= SteadyClock::duration::zero())
    co_return Error{ErrorCode::kTimeout, "a command line that does not end"};
  CO_ASSIGN_OR_RETURN(input_, co_await connection_->peek(left, have));
  co_return Result<void>{};
}

void Conversation::release() {
  if (used_ > 0) connection_->consume(used_);
  used_ = 0;
  input_ = {};
}

Task<void> Conversation::flush() {
  if (replies_.empty()) co_return Result<void>{};
  auto written = co_await connection_->write(replies_);
  replies_.clear();
  if (replies_.capacity() > kRepliesKept) replies_ = {};
  co_return written;
}

// --- actions

Task<Step> Conversation::perform(Action action) {
  return std::visit([this](auto&& what) { return perform(std::move(what)); }, std::move(action));
}

// talk() sees to these two.
Task<Step> Conversation::perform(ReadLine) { co_return Step{}; }
Task<Step> Conversation::perform(HangUp) { co_return Step{}; }

Task<Step> Conversation::perform(LookUpSender look_up) {
  co_return protocol_.on_sender(co_await services_.directory.resolve(std::move(look_up.address)));
}

Task<Step> Conversation::perform(LookUpRecipient recipient) {
  co_return protocol_.on_recipient(co_await look_up(std::move(recipient.address)));
}

Task<RecipientFacts> Conversation::look_up(Address address) {
  RecipientFacts facts;
  CO_ASSIGN_OR_RETURN(facts.resolution, co_await services_.directory.resolve(std::move(address)));
  if (!reserve_envelope(facts.resolution))
    co_return Error{ErrorCode::kBusy, "no memory for recipients"};

  const std::uint64_t size = protocol_.transaction().declared_size;
  bool room = facts.resolution.local.empty();
  for (const LocalRecipient& target : facts.resolution.local) {
    if (target.quota_bytes == 0) {
      room = true;
    } else {
      const auto account = co_await services_.mail.account(target.shard, target.account);
      // An account without mail yet has none; where its shard does not answer, storing will tell.
      const std::uint64_t used = account ? account->used_bytes : 0;
      room = used < target.quota_bytes && size <= target.quota_bytes - used;
    }
    if (room) break;
  }
  facts.over_quota = !room;
  co_return facts;
}

// Envelopes are message memory, too, but for the first few recipients.
bool Conversation::reserve_envelope(const Resolution& resolution) {
  const std::size_t bytes = protocol_.envelope_bytes_with(resolution);
  if (bytes <= kEnvelopeBytesFree + envelope_bytes_) return true;
  const std::size_t step = std::max(bytes - envelope_bytes_, kFirstBufferBytes);
  MemoryBudget::Share share = services_.message_memory.take(step);
  if (!share) return false;
  envelope_memory_.push_back(std::move(share));
  envelope_bytes_ += step;
  return true;
}

Task<Step> Conversation::perform(BeginAuth begin) {
  auto started = services_.authenticator.start(
      begin.mechanism,
      {connection_->peer_address(), to_string(protocol_.session().settings.flavour)});
  if (!started) co_return protocol_.on_auth(std::move(started).error());
  exchange_ = *std::move(started);
  if (exchange_->client_first()) {
    if (!begin.initial) co_return protocol_.on_auth(Authenticator::Exchange::Step{});
    co_return co_await step_auth(*std::move(begin.initial));
  }
  // LOGIN asks first. Clients that send the user name at once have not waited for the question.
  auto asked = co_await exchange_->step("");
  if (!asked || !begin.initial) co_return protocol_.on_auth(std::move(asked));
  co_return co_await step_auth(*std::move(begin.initial));
}

Task<Step> Conversation::perform(ContinueAuth go_on) {
  co_return co_await step_auth(std::move(go_on.data));
}

Task<Step> Conversation::step_auth(std::string data) {
  Step step = protocol_.on_auth(co_await exchange_->step(std::move(data)));
  if (protocol_.session().auth == Session::Auth::kNone) exchange_.reset();
  co_return step;
}

Task<Step> Conversation::perform(StartTls) {
  CO_CHECK(co_await flush());
  // Whatever came behind STARTTLS is dropped: it was not said under TLS (CVE-2011-0411).
  release();
  lines_ = {};
  if (const auto shaken = co_await connection_->start_tls(*services_.tls, kTlsTimeout); !shaken) {
    log::info("TLS handshake failed",
              {{"protocol", to_string(protocol_.session().settings.flavour)},
               {"client", connection_->peer_address()},
               {"error", to_string(shaken.error())}});
    co_return Error{ErrorCode::kClosed, shaken.error().context};
  }
  protocol_.on_tls();
  co_return Step{};
}

Task<Step> Conversation::perform(ReceiveData) {
  release();
  reception_.emplace(services_, *connection_, protocol_.session(), DataDecoder::Framing::kDots);
  if (!reception_->has_memory()) {
    CO_CHECK(co_await flush());
    if (!co_await reception_->begin()) {
      reception_.reset();
      co_return protocol_.on_ready(false);
    }
  }
  replies_ += protocol_.on_ready(true).reply;
  CO_CHECK(co_await flush());
  if (auto read = co_await reception_->read_data(); !read) {
    if (read.error().code != ErrorCode::kTooLarge) co_return std::move(read).error();
    Step step = co_await store();  // refuses it
    step.action = HangUp{};
    co_return step;
  }
  co_return co_await store();
}

Task<Step> Conversation::perform(ReceiveChunk chunk) {
  if (chunk.discard) {
    CO_CHECK(co_await discard(chunk.bytes));
    co_return protocol_.on_discarded();
  }
  const bool here = input_.size() >= chunk.bytes;
  release();
  if (!reception_) {
    reception_.emplace(services_, *connection_, protocol_.session(), DataDecoder::Framing::kChunks);
    if (!reception_->has_memory()) {
      CO_CHECK(co_await flush());
      static_cast<void>(co_await reception_->begin());  // without memory the message is refused
    }
  }
  // Only for bytes that are here already the earlier replies may wait.
  if (!here) CO_CHECK(co_await flush());
  if (auto read = co_await reception_->read_chunk(chunk.bytes); !read) {
    if (read.error().code != ErrorCode::kTooLarge) co_return std::move(read).error();
    Step step = protocol_.on_chunk(chunk.bytes, reception_->refusal());
    step.action = HangUp{};
    co_return step;
  }
  if (chunk.last) co_return co_await store();
  co_return protocol_.on_chunk(chunk.bytes, reception_->refusal());
}

asio::awaitable<Step> Conversation::store() {
  const Stored stored = co_await reception_->store();
  reception_.reset();
  const auto& verdicts = stored.result.recipients;
  if (std::ranges::any_of(verdicts, [](const auto& refusal) { return !refusal; }))
    accounting_.accepted(protocol_.session(), stored, connection_->tls_description());
  if (stored.result.refusal ||
      std::ranges::any_of(verdicts, [](const auto& refusal) { return refusal.has_value(); }))
    accounting_.message_refused(protocol_.session(), stored);
  Step step = protocol_.on_message(stored.result);
  step.refused = {};  // told already
  co_return step;
}

Task<void> Conversation::discard(std::uint64_t bytes) {
  release();
  while (bytes > 0) {
    if (!connection_->has_input()) CO_CHECK(co_await flush());
    CO_ASSIGN_OR_RETURN(const std::string_view input, co_await connection_->peek(kDataTimeout));
    const std::size_t dropped = std::min<std::uint64_t>(bytes, input.size());
    connection_->consume(dropped);
    bytes -= dropped;
  }
  co_return Result<void>{};
}

}  // namespace everpost::node::smtp
