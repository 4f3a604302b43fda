// Makes the families of numbers that are read when somebody asks (Metrics::sources).
#pragma once

#include <initializer_list>
#include <prometheus/metric_family.h>
#include <string>
#include <utility>
#include <vector>

namespace everpost::node {

class MetricFamilies {
 public:
  using Labels = std::initializer_list<std::pair<std::string, std::string>>;

  // Adds a value to the family `name`, which is made at its first value.
  void gauge(const char* name, const char* help, double value, Labels labels = {});
  void counter(const char* name, const char* help, double value, Labels labels = {});
  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  prometheus::ClientMetric& add(const char* name, const char* help, prometheus::MetricType type,
                                Labels labels);
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace everpost::node
