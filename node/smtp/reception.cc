#include "node/smtp/reception.h"

#include <algorithm>

#include "base/crc32c.h"
#include "node/smtp/delivery.h"
#include "node/smtp/limits.h"
#include "node/smtp/trace.h"

namespace everpost::node::smtp {
namespace {

constexpr std::size_t kChunkBytes = IncomingMessage::kChunkBytes;

// A sender that goes on and on after its message has become too large is not listened to for ever.
std::uint64_t bytes_heard(std::uint64_t message_bytes) { return 2 * message_bytes + (64 << 20); }

// Room for Received, Return-Path and what a submission may lack.
constexpr std::size_t kOwnFieldBytes = 4 << 10;

const Refusal kNoMemory{{452, "4.3.1", "Too many messages are being received, try again later"},
                        "memory"};
const Refusal kTooComplex{{554, "5.6.0", "Message refused: it has too many parts"}, "structure"};

}  // namespace

Reception::Reception(Services& services, Connection& connection, const Session& session,
                     DataDecoder::Framing framing)
    : services_(services),
      connection_(connection),
      session_(session),
      shard_(home_shard(*session.transaction)),
      op_(services.mail.new_op()),
      message_(options(session, framing)) {}

IncomingMessage::Options Reception::options(const Session& session, DataDecoder::Framing framing) {
  IncomingMessage::Options options;
  options.framing = framing;
  options.bytes_max = session.settings.message_bytes;
  const std::string id = to_string(op_);
  const std::string client = connection_.peer_address();
  const std::string tls = connection_.tls_description();
  const WallTime now = services_.clock.wall();
  options.trace = trace_fields(session, {client, tls, id, now});
  if (session.is(Flavour::kSubmission)) {  // RFC 6409 §8.1, §8.2
    options.date = "Date: " + rfc5322_date(now) + "\r\n";
    options.message_id = "Message-ID: <" + id + "@" + session.settings.hostname + ">\r\n";
  }
  return options;
}

// --- memory

bool Reception::try_memory(std::size_t bytes) {
  MemoryBudget::Share share = services_.message_memory.take(bytes);
  if (!share) return false;
  memory_.push_back(std::move(share));
  return true;
}

asio::awaitable<bool> Reception::take_memory(std::size_t bytes) {
  if (try_memory(bytes)) co_return true;
  const auto deadline = Clock::now() + kMemoryTimeout;
  asio::steady_timer timer(connection_.executor());
  do {
    // What we hold ourselves beyond need comes first: so nobody waits for somebody who waits.
    const bool freed = staging_ && staging_->forget_kept();
    if (!freed && staging_ && staging_->in_flight()) {
      co_await staging_->wait_a_while(kMemoryPoll);
    } else if (!freed) {
      timer.expires_after(kMemoryPoll);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (try_memory(bytes)) co_return true;
  } while (Clock::now() < deadline);
  message_.refuse(kNoMemory);
  co_return false;
}

bool Reception::has_memory() {
  if (!try_memory(kFirstBufferBytes)) return false;
  message_.reserve(kFirstBufferBytes);
  return true;
}

asio::awaitable<bool> Reception::begin() {
  if (has_memory()) co_return true;
  connection_.release_input();
  if (!co_await take_memory(kFirstBufferBytes)) co_return false;
  message_.reserve(kFirstBufferBytes);
  co_return true;
}

asio::awaitable<void> Reception::make_room() {
  if (!message_.chunk_ready()) {
    const std::size_t have = message_.reserved();
    std::size_t want = std::min(kChunkBytes, std::max(kFirstBufferBytes, have * 4));
    // No more than the client says that it will send, if it says so, and our own fields.
    const std::uint64_t announced = session_.transaction->declared_size + kOwnFieldBytes;
    if (announced > std::max<std::uint64_t>(have, kOwnFieldBytes) && announced < want)
      want = announced;
    if (co_await take_memory(want - have)) message_.reserve(want);
    co_return;
  }
  co_await stage(message_.chunk());
  if (!message_.refusal() && co_await take_memory(kChunkBytes)) message_.reserve(kChunkBytes);
}

asio::awaitable<void> Reception::stage(SharedBytes chunk) {
  if (!staging_) staging_.emplace(services_.mail, shard_, connection_.executor());
  co_await staging_->add(std::move(chunk), std::exchange(memory_, {}));
  if (staging_->error()) message_.refuse(not_stored(*staging_->error()));
}

// --- receiving

Result<Reception::Clock::duration> Reception::patience() {
  const auto now = Clock::now();
  const auto left = began_ + kMessageTimeout - now;
  if (left <= Clock::duration::zero())
    return Error{ErrorCode::kTimeout, "a message that takes more than an hour"};
  // A message that is refused holds no memory, so nobody waits for its end.
  if (!message_.refusal() && !rate_.fast_enough(now, message_.received()))
    return Error{ErrorCode::kTimeout, "a message of which too little comes in a minute"};
  return std::min<Clock::duration>(kDataTimeout, left);
}

Task<std::string_view> Reception::input() {
  CO_ASSIGN_OR_RETURN(const auto deadline, patience());
  co_return co_await connection_.peek(deadline);
}

// Takes the input, up to the message's end; returns how much that was.
asio::awaitable<std::size_t> Reception::take(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size() && !message_.ended()) {
    if (message_.room() == 0) co_await make_room();
    taken += message_.take(input.substr(taken));
    // Its memory is for those whose messages are taken.
    if (message_.refusal()) memory_.clear();
  }
  co_return taken;
}

Task<void> Reception::read_data() {
  while (!message_.ended()) {
    CO_ASSIGN_OR_RETURN(const std::string_view bytes, co_await input());
    connection_.consume(co_await take(bytes));
    if (message_.received() > bytes_heard(session_.settings.message_bytes))
      co_return Error{ErrorCode::kTooLarge, "a message far beyond the limit"};
  }
  co_return Result<void>{};
}

Task<void> Reception::read_chunk(std::uint64_t bytes) {
  while (bytes > 0) {
    CO_ASSIGN_OR_RETURN(const std::string_view buffered, co_await input());
    const std::size_t taken = co_await take(buffered.substr(0, bytes));
    connection_.consume(taken);
    bytes -= taken;
    if (message_.received() > bytes_heard(session_.settings.message_bytes))
      co_return Error{ErrorCode::kTooLarge, "a message far beyond the limit"};
  }
  co_return Result<void>{};
}

// --- storing

asio::awaitable<Stored> Reception::store() {
  const auto received = Clock::now();
  Stored stored{{}, shard_, to_string(op_), 0, 0, {}, {}};
  message_.finish();
  connection_.release_input();
  if (!message_.refusal()) stored.result = co_await commit(stored);
  if (message_.refusal()) stored.result.refusal = message_.refusal();
  if (stored.result.refusal) co_await abandon();
  stored.bytes = message_.size();
  stored.took = Clock::now() - received;
  co_return stored;
}

asio::awaitable<MessageResult> Reception::commit(Stored& stored) {
  const auto failed = [&stored](const Error& error) {
    stored.detail = to_string(error);
    MessageResult result;
    result.refusal = not_stored(error);
    return result;
  };
  while (message_.chunk_ready()) co_await stage(message_.chunk());
  if (staging_)
    if (const auto settled = co_await staging_->settle(); !settled)
      co_return failed(settled.error());

  Result<std::string> structure = co_await summary();
  if (!structure) co_return failed(structure.error());
  if (structure->size() > kChunkBytes) {
    MessageResult result;
    result.refusal = kTooComplex;
    co_return result;
  }
  if (message_.tail().size() + structure->size() > kChunkBytes) {  // a record holds no more
    co_await stage(message_.take_tail());
    if (const auto settled = co_await staging_->settle(); !settled)
      co_return failed(settled.error());
  }

  storage::NewContent content;
  std::vector<SharedBytes> body;
  if (!message_.tail().empty()) {
    content.own_bytes = static_cast<std::uint32_t>(message_.tail().size());
    content.own_crc = crc32c(as_bytes(message_.tail()));
    body.push_back(message_.take_tail());
  }
  content.summary_bytes = static_cast<std::uint32_t>(structure->size());
  content.summary_crc = crc32c(as_bytes(*structure));
  body.push_back(share(*std::move(structure)));
  if (staging_) {
    content.upload = staging_->upload();
    content.chunks = staging_->count();
  }
  content.size = message_.size();
  content.guid = message_.guid();

  Delivery delivery(*session_.transaction, content, session_.settings.flavour);
  stored.queued = delivery.queued();
  storage::MailTxn txn;
  txn.op = op_;
  if (session_.login) txn.actor = session_.login->id;
  txn.commands = delivery.take_commands();
  const auto outcome = co_await services_.mail.submit(shard_, std::move(txn), std::move(body));
  if (!outcome) co_return failed(outcome.error());
  if (outcome->error) stored.detail = to_string(*outcome->error);
  co_return delivery.judge(*outcome);
}

// The message's structure, encoded. Small messages are parsed where they are; large ones on a
// thread that may block.
Task<std::string> Reception::summary() {
  if (!staging_) co_return mime::encode(mime::summarize(message_.tail()));
  std::string encoded;
  const std::uint64_t size = message_.size();
  CO_CHECK(co_await services_.mail.with_reader(
      shard_, [&](const cluster::MailStore::BlockingRead& stored) -> Result<void> {
        ASSIGN_OR_RETURN(const auto found,
                         mime::summarize(size, staging_->reader(stored, message_.tail())));
        encoded = mime::encode(found);
        return {};
      }));
  co_return encoded;
}

asio::awaitable<void> Reception::abandon() {
  if (!staging_) co_return;
  static_cast<void>(co_await staging_->settle());  // whatever it says: nobody wants the message
  staging_->abort();
  staging_.reset();
}

}  // namespace everpost::node::smtp
