#include "node/runtime/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/runtime/metric_families.h"
#include "node/runtime/process_metrics.h"

namespace everpost::node {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ShowsWhatWasCounted) {
  Metrics metrics;
  metrics.messages_accepted.Add({{"protocol", "smtp"}}).Increment();
  metrics.messages_accepted.Add({{"protocol", "smtp"}}).Increment();
  metrics.logins.Add({{"protocol", "imap"}, {"result", "ok"}}).Increment();
  metrics.accept_seconds.Add({{"protocol", "smtp"}}, latency_buckets()).Observe(0.002);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE everpost_messages_accepted_total counter\n"
                              "everpost_messages_accepted_total{protocol=\"smtp\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("everpost_logins_total{protocol=\"imap\",result=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("everpost_message_accept_seconds_bucket{protocol=\"smtp\",le=\"0."
                              "0025\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("everpost_imap_commands_total"))) << "nothing counted yet";
}

TEST(Metrics, AsksItsSources) {
  Metrics metrics;
  double disk = 1;
  metrics.sources.push_back([&disk] {
    MetricFamilies families;
    families.gauge("everpost_log_bytes", "Bytes", disk, {{"shard", "0"}});
    families.gauge("everpost_log_bytes", "Bytes", disk + 1, {{"shard", "1"}});
    families.counter("everpost_syncs_total", "Syncs", 7);
    return families.take();
  });
  disk = 5;
  EXPECT_THAT(metrics.text(), HasSubstr("# HELP everpost_log_bytes Bytes\n"
                                        "# TYPE everpost_log_bytes gauge\n"
                                        "everpost_log_bytes{shard=\"0\"} 5\n"
                                        "everpost_log_bytes{shard=\"1\"} 6\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("everpost_syncs_total 7\n"));
}

TEST(Metrics, ShowsTheProcess) {
  MetricFamilies families;
  add_process_metrics(families);
  for (const auto& family : families.take()) {
    SCOPED_TRACE(family.name);
    ASSERT_EQ(family.metric.size(), 1u);
    const auto& metric = family.metric[0];
    EXPECT_GT(metric.counter.value + metric.gauge.value, 0);
  }
}

}  // namespace
}  // namespace everpost::node
