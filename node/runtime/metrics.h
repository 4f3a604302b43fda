// What /metrics shows (Prometheus text format); every family is listed in docs/metrics.md. Families
// are made once and found by their member; counting is lock-free.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <string>

namespace everpost::node {

struct Metrics {
  Metrics();
  std::string text() const;  // the exposition

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& connections;        // protocol
  prometheus::Family<prometheus::Gauge>& sessions;             // protocol
  prometheus::Family<prometheus::Counter>& logins;             // protocol, result
  prometheus::Family<prometheus::Counter>& messages_accepted;  // protocol
  prometheus::Family<prometheus::Counter>& messages_refused;   // protocol, reason
  prometheus::Family<prometheus::Counter>& bytes_accepted;     // protocol
  prometheus::Family<prometheus::Histogram>& accept_seconds;   // protocol: end of data to reply
  prometheus::Family<prometheus::Counter>& imap_commands;      // command, result
  prometheus::Family<prometheus::Histogram>& imap_seconds;     // command
};

}  // namespace everpost::node
