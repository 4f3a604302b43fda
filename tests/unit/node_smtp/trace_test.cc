#include "node/smtp/trace.h"

#include <gtest/gtest.h>

namespace everpost::node::smtp {
namespace {

Session session(Flavour flavour) {
  Session session;
  session.settings.flavour = flavour;
  session.settings.hostname = "mx.example.org";
  session.helo = "client.example";
  session.extended = true;
  session.transaction.emplace();
  session.transaction->sender = "Alice@Client.example";
  session.transaction->recipients.push_back({"Bob@example.org", {}, "", ""});
  return session;
}

constexpr WallTime kNow{1'795'497'011'123'456};  // 2026-11-24 05:10:11.123456 UTC

TEST(Trace, IsReturnPathAndReceived) {
  EXPECT_EQ(trace_fields(session(Flavour::kSmtp), {"192.0.2.1", "", "6f1a2b-1-8d", kNow}),
            "Return-Path: <Alice@Client.example>\r\n"
            "Received: from client.example ([192.0.2.1])\r\n"
            "\tby mx.example.org (Everpost) with ESMTP id 6f1a2b-1-8d\r\n"
            "\tfor <Bob@example.org>; Tue, 24 Nov 2026 05:10:11 +0000\r\n");
}

TEST(Trace, TellsOfTlsAndIpv6AndHidesSeveralRecipients) {
  Session several = session(Flavour::kLmtp);
  several.tls = true;
  several.transaction->sender.clear();
  several.transaction->recipients.push_back({"c@example.org", {}, "", ""});
  EXPECT_EQ(
      trace_fields(several, {"2001:db8::1", "TLSv1.3 TLS_AES_256_GCM_SHA384", "6f1a2b-1-8d", kNow}),
      "Return-Path: <>\r\n"
      "Received: from client.example ([IPv6:2001:db8::1])\r\n"
      "\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
      "\tby mx.example.org (Everpost) with LMTPS id 6f1a2b-1-8d; "
      "Tue, 24 Nov 2026 05:10:11 +0000\r\n");
}

TEST(Trace, NamesTheProtocolByRfc3848And6531) {
  struct Case {
    Flavour flavour;
    bool extended, tls, auth, utf8;
    const char* want;
  };
  const Case cases[] = {
      {Flavour::kSmtp, false, false, false, false, "SMTP"},
      {Flavour::kSmtp, true, false, false, false, "ESMTP"},
      {Flavour::kSmtp, true, true, false, false, "ESMTPS"},
      {Flavour::kSubmission, true, true, true, false, "ESMTPSA"},
      {Flavour::kSmtp, true, false, false, true, "UTF8SMTP"},
      {Flavour::kSubmission, true, true, true, true, "UTF8SMTPSA"},
      {Flavour::kLmtp, true, false, false, false, "LMTP"},
      {Flavour::kLmtp, true, true, false, true, "UTF8LMTPS"},
  };
  for (const Case& c : cases) {
    Session with = session(c.flavour);
    with.extended = c.extended;
    with.tls = c.tls;
    with.transaction->utf8 = c.utf8;
    if (c.auth) with.login = std::make_shared<storage::AccountRecord>();
    EXPECT_EQ(with_protocol(with), c.want);
  }
}

TEST(Trace, DatesAreThoseOfRfc5322) {
  struct Case {
    std::int64_t seconds;
    const char* want;
  };
  const Case cases[] = {
      {0, "Thu, 1 Jan 1970 00:00:00 +0000"},
      {951'782'400, "Tue, 29 Feb 2000 00:00:00 +0000"},
      {4'102'444'799, "Thu, 31 Dec 2099 23:59:59 +0000"},
  };
  for (const Case& c : cases) EXPECT_EQ(rfc5322_date(WallTime{c.seconds * 1'000'000}), c.want);
}

}  // namespace
}  // namespace everpost::node::smtp
