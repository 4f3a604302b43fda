// A conversation with Protocol, without a shell: what it asks for is answered from tables.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "node/smtp/delivery.h"
#include "node/smtp/protocol.h"

namespace everpost::node::smtp {

inline Settings test_settings(Flavour flavour) {
  Settings settings;
  settings.flavour = flavour;
  settings.hostname = "mx.example.org";
  settings.message_bytes = 1000;
  settings.recipients = 3;
  settings.tls_available = true;
  if (flavour == Flavour::kSubmission) settings.mechanisms = {"PLAIN", "LOGIN", "SCRAM-SHA-256"};
  return settings;
}

inline Resolution leads_to(std::vector<std::uint64_t> accounts) {
  Resolution resolution;
  resolution.domain_is_ours = true;
  for (const std::uint64_t id : accounts)
    resolution.local.push_back(
        {"user" + std::to_string(id) + "@example.org", AccountId{id}, ShardId{1}, 0});
  return resolution;
}

inline Login login_of(std::uint64_t id) {
  auto record = std::make_shared<storage::AccountRecord>();
  record->id = AccountId{id};
  record->address = "user" + std::to_string(id) + "@example.org";
  return record;
}

class Dialogue {
 public:
  explicit Dialogue(Flavour flavour, bool tls = false) : Dialogue(test_settings(flavour), tls) {}
  explicit Dialogue(Settings settings, bool tls = false) : protocol(std::move(settings), tls) {
    directory["a@example.org"] = leads_to({1});
    directory["b@example.org"] = leads_to({2});
    directory["list@example.org"] = leads_to({1, 2});
    directory["nobody@example.org"] = leads_to({});
    directory["postmaster@example.org"] = leads_to({1});
    directory["off@example.org"] = leads_to({});
    directory["off@example.org"].enabled = false;
    directory["away@example.org"] = leads_to({1});
    directory["away@example.org"].elsewhere = {"x@elsewhere.example"};
  }

  // The replies to one line; an AUTH, TLS or BDAT that it leads to goes well.
  std::string say(std::string_view line) {
    Step step = protocol.on_line(line);
    std::string replies;
    for (;;) {
      replies += step.reply;
      last = std::move(step);
      if (std::holds_alternative<ReadLine>(last.action)) return replies;
      if (std::holds_alternative<HangUp>(last.action)) {
        open = false;
        return replies;
      }
      if (auto* sender = std::get_if<LookUpSender>(&last.action)) {
        step = protocol.on_sender(find(sender->address));
      } else if (auto* recipient = std::get_if<LookUpRecipient>(&last.action)) {
        const auto found = find(recipient->address);
        if (found)
          step = protocol.on_recipient(
              RecipientFacts{*found, full.contains(recipient->address.text())});
        else
          step = protocol.on_recipient(found.error());
      } else if (auto* begin = std::get_if<BeginAuth>(&last.action)) {
        asked.push_back(begin->mechanism + " " + begin->initial.value_or("(none)"));
        step = protocol.on_auth(next_auth());
      } else if (auto* go_on = std::get_if<ContinueAuth>(&last.action)) {
        asked.push_back(go_on->data);
        step = protocol.on_auth(next_auth());
      } else if (std::holds_alternative<StartTls>(last.action)) {
        protocol.on_tls();
        step = {};
      } else if (std::holds_alternative<ReceiveData>(last.action)) {
        step = protocol.on_ready(memory);
      } else if (auto* chunk = std::get_if<ReceiveChunk>(&last.action)) {
        chunks.push_back(*chunk);
        if (chunk->discard)
          step = protocol.on_discarded();
        else if (chunk->last)
          step = protocol.on_message(verdict());
        else
          step = protocol.on_chunk(chunk->bytes, refusal);
      }
    }
  }

  // What is said to a message that has been read.
  std::string message() { return protocol.on_message(verdict()).reply; }

  MessageResult verdict() const {
    MessageResult result;
    result.refusal = refusal;
    result.id = "1-00";
    if (!refusal) result.recipients.resize(protocol.transaction().recipients.size());
    return result;
  }

  // A conversation as far as `state`: "fresh", "greeted", "mail", "rcpt", "bdat", each of them also
  // with "tls " or "auth " in front.
  void bring_to(std::string state) {
    if (state.starts_with("tls ") || state.starts_with("auth ")) {
      say("EHLO client.example");
      say("STARTTLS");
      if (state.starts_with("auth ")) {
        say("EHLO client.example");
        auth_answers = {Authenticator::Exchange::Step{"", login_of(1)}};
        say("AUTH PLAIN AGEAYg==");
      }
      state.erase(0, state.find(' ') + 1);
    }
    if (state == "fresh") return;
    say(protocol.session().is(Flavour::kLmtp) ? "LHLO client.example" : "EHLO client.example");
    if (state == "greeted") return;
    say("MAIL FROM:<user1@example.org>");
    if (state == "mail") return;
    say("RCPT TO:<a@example.org>");
    if (state == "rcpt") return;
    say("BDAT 10");
  }

  Protocol protocol;
  std::map<std::string, Resolution> directory;  // user1… are found without being here
  std::set<std::string> full;                   // over quota
  bool broken = false;                          // the directory does not answer
  bool memory = true;
  std::optional<Refusal> refusal;
  std::vector<Result<Authenticator::Exchange::Step>> auth_answers;
  std::vector<std::string> asked;
  std::vector<ReceiveChunk> chunks;
  Step last;
  bool open = true;

 private:
  Result<Resolution> find(const Address& address) {
    if (broken) return Error{ErrorCode::kUnavailable, "test"};
    if (const auto found = directory.find(address.text()); found != directory.end())
      return found->second;
    if (address.domain != "example.org") return Resolution{};
    if (address.local == "user1") return leads_to({1});
    return leads_to({});
  }

  Result<Authenticator::Exchange::Step> next_auth() {
    auto answer = std::move(auth_answers.front());
    auth_answers.erase(auth_answers.begin());
    return answer;
  }
};

}  // namespace everpost::node::smtp
