// The shell around Protocol: does the I/O that its steps ask for. One object for each connection;
// one coroutine, run(), owns it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/asio.h"
#include "node/net/connection.h"
#include "node/runtime/services.h"
#include "node/smtp/accounting.h"
#include "node/smtp/protocol.h"
#include "node/smtp/reception.h"
#include "node/smtp/syntax/command_lines.h"

namespace everpost::node::smtp {

class Conversation {
 public:
  Conversation(std::unique_ptr<Connection> connection, Flavour flavour, Services& services,
               const std::atomic<bool>& stopping);

  asio::awaitable<void> run();

 private:
  // Until the end, whoever wants it. Errors: those of the connection.
  Task<void> talk();
  // The step for the next line.
  Task<Step> next();
  // Does what a step asks for; the next step.
  Task<Step> perform(Action action);
  Task<Step> perform(ReadLine);
  Task<Step> perform(HangUp);
  Task<Step> perform(LookUpSender look_up);
  Task<Step> perform(LookUpRecipient look_up);
  Task<Step> perform(BeginAuth begin);
  Task<Step> perform(ContinueAuth go_on);
  Task<Step> perform(StartTls);
  Task<Step> perform(ReceiveData);
  Task<Step> perform(ReceiveChunk chunk);
  Task<Step> step_auth(std::string data);

  asio::awaitable<Step> store();
  Task<void> discard(std::uint64_t bytes);
  Task<RecipientFacts> look_up(Address address);
  bool reserve_envelope(const Resolution& resolution);

  // Input comes in batches of commands: `input_` is what is left of one. done_with() moves on;
  // release() gives it back to the connection, before anything else reads from that.
  Task<void> more();
  void done_with(std::size_t bytes) {
    input_.remove_prefix(bytes);
    used_ += bytes;
  }
  void release();
  // Sends the replies that have gathered.
  Task<void> flush();

  std::unique_ptr<Connection> connection_;
  Services& services_;
  const std::atomic<bool>& stopping_;
  Protocol protocol_;
  Accounting accounting_;
  CommandLines lines_;
  std::string_view input_;
  std::size_t used_ = 0;
  std::string replies_;
  std::chrono::steady_clock::time_point line_began_;
  std::unique_ptr<Authenticator::Exchange> exchange_;
  bool logged_in_ = false;  // and that has been said in the log
  std::optional<Reception> reception_;
  Staging::Memory envelope_memory_;
  std::size_t envelope_bytes_ = 0;  // that envelope_memory_ stands for
};

}  // namespace everpost::node::smtp
