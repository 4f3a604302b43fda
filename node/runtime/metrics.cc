#include "node/runtime/metrics.h"

#include <prometheus/text_serializer.h>
#include <sstream>

namespace everpost::node {
namespace {

template <class T>
prometheus::Family<T>& family(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::detail::Builder<T>().Name(name).Help(help).Register(registry);
}
auto& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return family<prometheus::Counter>(registry, name, help);
}
auto& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return family<prometheus::Gauge>(registry, name, help);
}
auto& histogram(prometheus::Registry& registry, const char* name, const char* help) {
  return family<prometheus::Histogram>(registry, name, help);
}

}  // namespace

const prometheus::Histogram::BucketBoundaries& latency_buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets{
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
      0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  return buckets;
}

Metrics::Metrics()
    : connections(counter(registry, "everpost_connections_total", "Connections accepted")),
      sessions(gauge(registry, "everpost_sessions", "Sessions at the moment")),
      logins(counter(registry, "everpost_logins_total", "Attempts to log in")),
      messages_accepted(counter(registry, "everpost_messages_accepted_total",
                                "Messages that were answered for, once each")),
      messages_refused(
          counter(registry, "everpost_messages_refused_total", "Messages that were refused")),
      bytes_accepted(counter(registry, "everpost_message_bytes_accepted_total",
                             "Bytes of the messages that were answered for")),
      accept_seconds(histogram(registry, "everpost_message_accept_seconds",
                               "From the end of a message's data to the reply")),
      imap_commands(counter(registry, "everpost_imap_commands_total", "IMAP commands")),
      imap_seconds(
          histogram(registry, "everpost_imap_command_seconds", "How long IMAP commands took")) {}

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> families = registry.Collect();
  for (const auto& source : sources)
    for (auto& family : source()) families.push_back(std::move(family));
  // A family without members is left out: its name alone would be a metric without a value.
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace everpost::node
