// What we write in front of a message: its trace fields (RFC 5321 §4.4), and for a submission the
// fields that it lacks (RFC 6409 §8).
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "node/smtp/session.h"

namespace everpost::node::smtp {

struct TraceFacts {
  std::string_view client;  // IP address
  std::string_view tls;     // "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty
  std::string_view id;
  WallTime now;
};

// Return-Path and Received, for the session's transaction. Whole lines.
std::string trace_fields(const Session& session, const TraceFacts& facts);

// "ESMTPSA" and the like: RFC 3848, RFC 6531 §4.3.
std::string with_protocol(const Session& session);

// "Tue, 24 Nov 2026 05:10:11 +0000" (RFC 5322 §3.3).
std::string rfc5322_date(WallTime time);

}  // namespace everpost::node::smtp
