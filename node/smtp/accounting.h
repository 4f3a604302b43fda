// What a conversation leaves in the log and the metrics: one line for each message accepted, one
// for each refusal.
#pragma once

#include <string>

#include "node/runtime/metrics.h"
#include "node/smtp/reception.h"
#include "node/smtp/session.h"

namespace everpost::node::smtp {

class Accounting {
 public:
  Accounting(Metrics& metrics, Flavour flavour, std::string client);

  // A step that refused mail or a login (its `refused` is set).
  void refused(const Session& session, const Step& step);
  void logged_in(const Session& session);
  // A message that was accepted, for some of its recipients at least. The transaction is still
  // there.
  void accepted(const Session& session, const Stored& stored, std::string_view tls);
  // The message, or its part for some recipients, was refused after it had been read.
  void message_refused(const Session& session, const Stored& stored);
  // The conversation ended within a message, for `why`: "client_gone", "timeout".
  void broke_off(const Session& session, std::string_view why, const Error& error);

 private:
  void count_refused(std::string_view reason);

  Metrics& metrics_;
  const std::string protocol_;
  const std::string client_;
  prometheus::Counter* accepted_ = nullptr;  // looked up at the first message
  prometheus::Counter* bytes_ = nullptr;
  prometheus::Histogram* seconds_ = nullptr;
};

}  // namespace everpost::node::smtp
