#include "node/net/tcp_connection.h"

#include <algorithm>
#include <cstring>

namespace everpost::node {
namespace {

using State = Attempt::State;

constexpr std::size_t kStep = 256 << 10;           // a deadline starts anew after so much progress
constexpr std::size_t kBufferedMax = 250 << 10;    // of a line or a peek
constexpr std::size_t kTlsRecordBytes = 16 << 10;  // RFC 8446 §5.1
constexpr auto kLinger = std::chrono::seconds{2};

Error closed(const Attempt& attempt) {
  return {ErrorCode::kClosed, attempt.why.empty() ? "the peer closed the connection" : attempt.why};
}

}  // namespace

TcpConnection::TcpConnection(std::shared_ptr<TimedSocket> socket, asio::ip::address peer)
    : socket_(std::move(socket)), peer_(std::move(peer)) {}

TcpConnection::~TcpConnection() { socket_->close(); }

// --- reading

Attempt TcpConnection::receive(std::span<char> to) {
  return tls_ ? tls_->read(to) : socket_->receive(to);
}

Task<void> TcpConnection::fill(When when) {
  for (;;) {
    const std::span<char> room = buffer_.room();
    if (room.empty()) co_return Error{ErrorCode::kTooLarge, "more input than can be buffered"};
    const Attempt attempt = receive(room);
    switch (attempt.state) {
      case State::kDone:
        buffer_.filled(attempt.bytes);
        co_return Result<void>{};
      case State::kEnd:
      case State::kFailed:
        co_return closed(attempt);
      case State::kWantRead:
      case State::kWantWrite:
        buffer_.release();  // an idle connection holds no buffer
        CO_CHECK(
            co_await socket_->wait(attempt.state, buffer_.empty() ? when : When::kWithinCommand));
    }
  }
}

Task<std::string_view> TcpConnection::read_line(std::size_t bytes_max, Deadline deadline,
                                                bool strict) {
  bytes_max = std::min(bytes_max, kBufferedMax);
  socket_->set_deadline(deadline);
  std::size_t searched = 0;
  bool too_large = false;
  for (;;) {
    const std::string_view input = buffer_.view();
    std::size_t newline = input.find('\n', searched);
    // Only CRLF ends a line (RFC 5321 §2.3.8): a bare LF is part of it.
    while (strict && newline != input.npos && (newline == 0 || input[newline - 1] != '\r'))
      newline = input.find('\n', newline + 1);

    if (newline != input.npos) {
      const std::size_t bytes = newline > 0 && input[newline - 1] == '\r' ? newline - 1 : newline;
      buffer_.consume(newline + 1);
      if (too_large || bytes > bytes_max)
        co_return Error{ErrorCode::kTooLarge,
                        "line of more than " + std::to_string(bytes_max) + " bytes"};
      co_return input.substr(0, bytes);
    }

    searched = input.size();
    if (input.size() > bytes_max + 1) {
      // Dropped as it comes, up to its end; a CR stays, for the LF that may follow.
      too_large = true;
      buffer_.consume(input.back() == '\r' ? input.size() - 1 : input.size());
      searched = buffer_.size();
      if (socket_->deadline_passed()) co_return Error{ErrorCode::kTimeout, "endless line"};
    }
    CO_CHECK(co_await fill(too_large ? When::kWithinCommand : When::kBetweenCommands));
  }
}

Task<std::string_view> TcpConnection::peek(Deadline deadline, std::size_t have) {
  if (have > kBufferedMax) co_return Error{ErrorCode::kTooLarge, "more input than can be buffered"};
  socket_->set_deadline(deadline);
  while (buffer_.size() <= have) CO_CHECK(co_await fill(When::kWithinCommand));
  co_return buffer_.view();
}

void TcpConnection::consume(std::size_t bytes) { buffer_.consume(std::min(bytes, buffer_.size())); }

Task<void> TcpConnection::read_exactly(std::size_t bytes, std::string& to, Deadline deadline) {
  const std::size_t buffered = std::min(bytes, buffer_.size());
  to.append(buffer_.view().substr(0, buffered));
  buffer_.consume(buffered);
  bytes -= buffered;

  while (bytes > 0) {
    buffer_.release();
    socket_->set_deadline(deadline);
    // Straight into the target. Memory is taken as the bytes come, not as they are announced.
    const std::size_t step = std::min(bytes, std::max(kStep, to.capacity() - to.size()));
    const std::size_t before = to.size();
    std::size_t received = 0;
    Result<void> result{};
    to.resize_and_overwrite(before + step, [](char*, std::size_t size) { return size; });
    while (received < step && result) {
      const Attempt attempt = receive({to.data() + before + received, step - received});
      switch (attempt.state) {
        case State::kDone:
          if (received / kStep != (received + attempt.bytes) / kStep)
            socket_->set_deadline(deadline);
          received += attempt.bytes;
          break;
        case State::kEnd:
        case State::kFailed:
          result = closed(attempt);
          break;
        case State::kWantRead:
        case State::kWantWrite:
          result = co_await socket_->wait(attempt.state, When::kWithinCommand);
      }
    }
    to.resize(before + received);
    CO_CHECK(std::move(result));
    bytes -= step;
  }
  co_return Result<void>{};
}

bool TcpConnection::has_input() const { return !buffer_.empty() || (tls_ && tls_->has_input()); }

Task<void> TcpConnection::wait_input(Deadline deadline) {
  socket_->set_deadline(deadline);
  while (buffer_.empty()) CO_CHECK(co_await fill(When::kBetweenCommands));
  co_return Result<void>{};
}

Task<bool> TcpConnection::wait_input_or(asio::steady_timer& wake, Deadline deadline) {
  socket_->set_deadline(deadline);
  while (buffer_.empty()) {
    // Receives rather than looks: under TLS a readable socket need not mean input for us, and the
    // end of the input has to be noticed.
    const std::span<char> room = buffer_.room();
    const Attempt attempt = receive(room);
    switch (attempt.state) {
      case State::kDone:
        buffer_.filled(attempt.bytes);
        break;
      case State::kEnd:
      case State::kFailed:
        co_return closed(attempt);
      case State::kWantWrite:
        CO_CHECK(co_await socket_->wait(attempt.state, When::kWithinCommand));
        break;
      case State::kWantRead:
        buffer_.release();
        CO_ASSIGN_OR_RETURN(const bool readable, co_await socket_->wait_readable_or(wake));
        if (!readable) co_return false;
    }
  }
  co_return true;
}

// --- writing

Task<void> TcpConnection::write(std::string_view bytes, Deadline deadline) {
  return write_piece(bytes, deadline);
}

Task<void> TcpConnection::write(std::span<const std::string_view> parts, Deadline deadline) {
  return tls_ ? write_tls(parts, deadline) : write_plain(parts, deadline);
}

Task<void> TcpConnection::write_plain(std::span<const std::string_view> parts, Deadline deadline) {
  socket_->set_deadline(deadline);
  std::vector<std::string_view> rest(parts.begin(), parts.end());
  std::size_t next = 0;  // rest[next] is the first that is not written
  std::size_t sent = 0;
  for (;;) {
    while (next < rest.size() && rest[next].empty()) ++next;
    if (next == rest.size()) co_return Result<void>{};
    const Attempt attempt = socket_->send(std::span(rest).subspan(next));
    switch (attempt.state) {
      case State::kDone: {
        if (sent / kStep != (sent + attempt.bytes) / kStep) socket_->set_deadline(deadline);
        sent += attempt.bytes;
        std::size_t left = attempt.bytes;
        while (left > 0) {
          const std::size_t cut = std::min(left, rest[next].size());
          rest[next].remove_prefix(cut);
          left -= cut;
          if (rest[next].empty()) ++next;
        }
        break;
      }
      case State::kEnd:
      case State::kFailed:
        co_return closed(attempt);
      case State::kWantRead:
      case State::kWantWrite:
        CO_CHECK(co_await socket_->wait(attempt.state, When::kWithinCommand));
    }
  }
}

Task<void> TcpConnection::write_tls(std::span<const std::string_view> parts, Deadline deadline) {
  // Small parts share a record; large ones are written from where they are.
  std::string joined;
  for (const std::string_view part : parts) {
    if (joined.size() + part.size() <= kTlsRecordBytes) {
      joined += part;
      continue;
    }
    if (!joined.empty()) CO_CHECK(co_await write_piece(joined, deadline));
    joined.clear();
    if (part.size() < kTlsRecordBytes)
      joined = part;
    else
      CO_CHECK(co_await write_piece(part, deadline));
  }
  if (!joined.empty()) CO_CHECK(co_await write_piece(joined, deadline));
  co_return Result<void>{};
}

// All of one piece, from where it is.
Task<void> TcpConnection::write_piece(std::string_view bytes, Deadline deadline) {
  socket_->set_deadline(deadline);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const std::string_view rest = bytes.substr(sent);
    const Attempt attempt = tls_ ? tls_->write(rest) : socket_->send(std::span(&rest, 1));
    switch (attempt.state) {
      case State::kDone:
        if (sent / kStep != (sent + attempt.bytes) / kStep) socket_->set_deadline(deadline);
        sent += attempt.bytes;
        break;
      case State::kEnd:
      case State::kFailed:
        co_return closed(attempt);
      case State::kWantRead:
      case State::kWantWrite:
        CO_CHECK(co_await socket_->wait(attempt.state, When::kWithinCommand));
    }
  }
  co_return Result<void>{};
}

// --- TLS, and the end

Task<void> TcpConnection::start_tls(TlsContext& context, Deadline deadline) {
  if (tls_) co_return Error{ErrorCode::kInvalidArgument, "TLS is already active"};
  buffer_.clear();
  tls_ = TlsSession::create(context.current(), *socket_);
  if (!tls_) co_return Error{ErrorCode::kInternal, "OpenSSL cannot make a session"};
  socket_->set_deadline(deadline);
  for (;;) {
    const Attempt attempt = tls_->handshake();
    if (attempt.state == State::kDone) co_return Result<void>{};
    if (attempt.state == State::kEnd || attempt.state == State::kFailed) co_return closed(attempt);
    CO_CHECK(co_await socket_->wait(attempt.state, When::kWithinCommand));
  }
}

std::string TcpConnection::tls_description() const { return tls_ ? tls_->description() : ""; }

std::string TcpConnection::peer_address() const { return peer_.to_string(); }

Task<void> TcpConnection::shut_down() {
  if (tls_) tls_->send_close_notify();
  socket_->shut_down_send();
  // Closing with unread input would send a reset, which can overtake our last reply.
  socket_->set_deadline(kLinger);
  buffer_.clear();
  for (std::size_t dropped = 0; dropped < kStep && !socket_->deadline_passed();) {
    char waste[1024];
    const Attempt attempt = socket_->receive(waste);
    if (attempt.state == State::kDone)
      dropped += attempt.bytes;
    else if (attempt.state != State::kWantRead ||
             !co_await socket_->wait(attempt.state, When::kWithinCommand))
      break;
  }
  socket_->close();
  co_return Result<void>{};
}

}  // namespace everpost::node
