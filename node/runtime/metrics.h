// What /metrics shows (Prometheus text format); every family is listed in docs/metrics.md. Families
// are made once and found by their member; counting is lock-free. Labels take values from a fixed
// set only, never what a client sent.
#pragma once

#include <functional>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <string>
#include <vector>

namespace everpost::node {

// For histograms of seconds: metrics.accept_seconds.Add({{"protocol", "smtp"}}, latency_buckets()).
const prometheus::Histogram::BucketBoundaries& latency_buckets();

struct Metrics {
  Metrics();
  // The exposition; asks `sources`. Callable from any thread.
  std::string text() const;

  // Numbers that others keep and that are read when somebody asks: of the shards, of the process.
  // Filled before the first text(); each is called on the thread of the HTTP request and must not
  // block.
  std::vector<std::function<std::vector<prometheus::MetricFamily>()>> sources;

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
