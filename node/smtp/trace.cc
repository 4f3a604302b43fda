#include "node/smtp/trace.h"

#include <chrono>
#include <cstdio>

namespace everpost::node::smtp {
namespace {

// RFC 5321 §4.1.3.
std::string address_literal(std::string_view ip) {
  return (ip.contains(':') ? "[IPv6:" : "[") + std::string(ip) + "]";
}

}  // namespace

std::string rfc5322_date(WallTime time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  namespace chrono = std::chrono;
  const auto seconds = chrono::floor<chrono::seconds>(
      chrono::sys_time<chrono::microseconds>(chrono::microseconds(time.micros)));
  const auto day = chrono::floor<chrono::days>(seconds);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(seconds - day);
  char text[40];
  std::snprintf(text, sizeof text, "%s, %u %s %04d %02d:%02d:%02d +0000",
                kDays[chrono::weekday(day).c_encoding()], unsigned{date.day()},
                kMonths[unsigned{date.month()} - 1], int{date.year()},
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::string with_protocol(const Session& session) {
  const bool lmtp = session.is(Flavour::kLmtp);
  if (!session.extended) return "SMTP";
  std::string name =
      session.transaction->utf8 ? (lmtp ? "UTF8LMTP" : "UTF8SMTP") : (lmtp ? "LMTP" : "ESMTP");
  if (session.tls) name += 'S';
  if (session.login) name += 'A';
  return name;
}

std::string trace_fields(const Session& session, const TraceFacts& facts) {
  const Transaction& transaction = *session.transaction;
  std::string text;
  text.reserve(512);
  // RFC 5321 §4.4: this is the final delivery.
  text += "Return-Path: <";
  text += transaction.sender;
  text += ">\r\nReceived: from ";
  text += session.helo;
  text += " (";
  text += address_literal(facts.client);
  text += ")\r\n";
  if (!facts.tls.empty()) {
    text += "\t(using ";
    text += facts.tls;
    text += ")\r\n";
  }
  text += "\tby ";
  text += session.settings.hostname;
  text += " (Everpost) with ";
  text += with_protocol(session);
  text += " id ";
  text += facts.id;
  // With several recipients "for" would tell each about the others (RFC 5321 §7.6).
  if (transaction.recipients.size() == 1) {
    text += "\r\n\tfor <";
    text += transaction.recipients.front().address;
    text += '>';
  }
  text += "; ";
  text += rfc5322_date(facts.now);
  text += "\r\n";
  return text;
}

}  // namespace everpost::node::smtp
