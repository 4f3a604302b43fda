#include "node/runtime/metric_families.h"

#include <algorithm>

namespace everpost::node {

prometheus::ClientMetric& MetricFamilies::add(const char* name, const char* help,
                                              prometheus::MetricType type, Labels labels) {
  auto family = std::ranges::find(families_, name, &prometheus::MetricFamily::name);
  if (family == families_.end())
    family = families_.insert(families_.end(), prometheus::MetricFamily{name, help, type, {}});
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  for (const auto& [label, value] : labels) metric.label.push_back({label, value});
  return metric;
}

void MetricFamilies::gauge(const char* name, const char* help, double value, Labels labels) {
  add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void MetricFamilies::counter(const char* name, const char* help, double value, Labels labels) {
  add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

}  // namespace everpost::node
