// What every session may use: made by main, outlives all sessions.
#pragma once

#include "base/clock.h"
#include "cluster/mail_store.h"
#include "node/auth/authenticator.h"
#include "node/directory/directory.h"
#include "node/net/tls.h"
#include "node/runtime/config.h"
#include "node/runtime/memory_budget.h"
#include "node/runtime/metrics.h"

namespace everpost::node {

struct Services {
  const Config& config;
  const Clock& clock;
  cluster::MailStore& mail;
  Directory& directory;
  Authenticator& authenticator;
  TlsContext* tls;  // nullptr: no certificate configured, TLS is not offered
  Metrics& metrics;
  MemoryBudget& message_memory;
};

}  // namespace everpost::node
