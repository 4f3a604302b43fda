// What this process uses of the machine, under the names that Prometheus's own clients have for it.
#pragma once

#include "node/runtime/metric_families.h"

namespace everpost::node {

void add_process_metrics(MetricFamilies& to);

}  // namespace everpost::node
