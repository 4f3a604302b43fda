#include "node/smtp/accounting.h"

#include "base/log.h"

namespace everpost::node::smtp {
namespace {

std::string sender(const Session& session) {
  return session.transaction ? "<" + session.transaction->sender + ">" : "";
}

std::string first_recipient(const Session& session) {
  return session.transaction && !session.transaction->recipients.empty()
             ? "<" + session.transaction->recipients.front().address + ">"
             : "";
}

std::size_t recipients(const Session& session) {
  return session.transaction ? session.transaction->recipients.size() : 0;
}

std::string first_line(const std::string& reply) { return reply.substr(0, reply.find("\r\n")); }

std::string user(const Session& session) { return session.login ? session.login->address : ""; }

double seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

Accounting::Accounting(Metrics& metrics, Flavour flavour, std::string client)
    : metrics_(metrics), protocol_(to_string(flavour)), client_(std::move(client)) {}

void Accounting::count_refused(std::string_view reason) {
  metrics_.messages_refused.Add({{"protocol", protocol_}, {"reason", std::string(reason)}})
      .Increment();
}

void Accounting::refused(const Session& session, const Step& step) {
  constexpr std::string_view kLogin = "login_";
  const bool login = step.refused.starts_with(kLogin);
  if (login) {
    const std::string result(step.refused.substr(kLogin.size()));
    metrics_.logins.Add({{"protocol", protocol_}, {"result", result}}).Increment();
    if (result == "failed") return;  // the Authenticator has its own line about it
  } else {
    count_refused(step.refused);
  }
  log::write(step.refused == "no_postmaster" ? log::Level::kWarning : log::Level::kInfo,
             login ? "login refused" : "mail refused",
             {{"protocol", protocol_},
              {"client", client_},
              {"helo", session.helo},
              {"user", user(session)},
              {"from", sender(session)},
              {"reason", step.refused},
              {"reply", first_line(step.reply)},
              {"detail", step.detail}});
}

void Accounting::logged_in(const Session& session) {
  metrics_.logins.Add({{"protocol", protocol_}, {"result", "ok"}}).Increment();
  log::info("logged in",
            {{"protocol", protocol_}, {"client", client_}, {"user", session.login->address}});
}

void Accounting::accepted(const Session& session, const Stored& stored, std::string_view tls) {
  if (!accepted_) {
    accepted_ = &metrics_.messages_accepted.Add({{"protocol", protocol_}});
    bytes_ = &metrics_.bytes_accepted.Add({{"protocol", protocol_}});
    seconds_ = &metrics_.accept_seconds.Add({{"protocol", protocol_}}, latency_buckets());
  }
  accepted_->Increment();
  bytes_->Increment(static_cast<double>(stored.bytes));
  seconds_->Observe(seconds(stored.took));
  log::info("message accepted", {{"shard", stored.shard},
                                 {"id", stored.result.id},
                                 {"op", stored.op},
                                 {"protocol", protocol_},
                                 {"client", client_},
                                 {"helo", session.helo},
                                 {"from", sender(session)},
                                 {"to", first_recipient(session)},
                                 {"recipients", recipients(session)},
                                 {"queued", stored.queued},
                                 {"size", stored.bytes},
                                 {"tls", tls},
                                 {"user", user(session)},
                                 {"ms", seconds(stored.took) * 1000}});
}

void Accounting::message_refused(const Session& session, const Stored& stored) {
  const auto write = [&](const Refusal& refusal, std::string_view to) {
    count_refused(refusal.reason);
    log::info("message refused", {{"protocol", protocol_},
                                  {"client", client_},
                                  {"helo", session.helo},
                                  {"op", stored.op},
                                  {"from", sender(session)},
                                  {"to", to},
                                  {"recipients", recipients(session)},
                                  {"user", user(session)},
                                  {"reason", refusal.reason},
                                  {"reply", to_string(refusal.reply)},
                                  {"detail", stored.detail}});
  };
  if (stored.result.refusal) return write(*stored.result.refusal, first_recipient(session));
  for (std::size_t i = 0; i < stored.result.recipients.size(); ++i)
    if (const auto& refusal = stored.result.recipients[i])
      write(*refusal, session.transaction->recipients[i].address);
}

void Accounting::broke_off(const Session& session, std::string_view why, const Error& error) {
  count_refused(why);
  log::info("message broken off", {{"protocol", protocol_},
                                   {"client", client_},
                                   {"helo", session.helo},
                                   {"from", sender(session)},
                                   {"to", first_recipient(session)},
                                   {"reason", why},
                                   {"detail", to_string(error)}});
}

}  // namespace everpost::node::smtp
