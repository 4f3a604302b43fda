// H40 and H46 of docs/hazards.md: what clients are told, and what they may try again. And
// acknowledgements that belong to another handshake (D9).
#include <gmock/gmock.h>

#include "tests/simulation/scenario.h"

namespace everpost::simulation {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// H40. Answers are lost, the client tries the same again.
TEST(ClientsScenario, AnOperationThatIsRepeatedTakesEffectOnce) {
  const Script script = [](Scenario& s) {
    for (int round = 0; round < 6; ++round) {
      const std::uint32_t old = s.cluster.primary()->id().value - 1;
      s.cluster.loses_reply = [](const Call&, const Reply& reply) {
        return reply.kind == Reply::Kind::kDone;
      };
      s.run_for(milliseconds{100});  // by now both have an operation under way that is done
      switch (round % 3) {
        case 0:  // the same primary
          s.run_for(milliseconds{1500});
          break;
        case 1:  // another one
          s.crash_for(old, milliseconds{300});
          break;
        default:  // all are new
          for (std::uint32_t i = 0; i < 3; ++i) s.crash_for(i, milliseconds{50});
      }
      s.run_for(milliseconds{800});
      s.cluster.loses_reply = nullptr;
      s.clients_go_on(seconds{5});
    }
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kForgetOps), Not(IsEmpty()));
}

// H46. Whoever waits for a record that is cut later is told to try again: neither yes nor no.
TEST(ClientsScenario, WhoWaitsForARecordThatIsLostIsToldToTryAgain) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.cut_coordinator(s.a);
                s.isolate(s.a);
                std::vector<Scenario::Question> changes;
                for (int i = 0; i < 10; ++i) {
                  changes.push_back(s.propose_at(s.a));
                  s.run_for(milliseconds{5});
                }
                s.wait_for_takeover(before, milliseconds{700});
                for (const auto& change : changes)
                  s.must(!s.reply_to(change), "nobody is told anything while it is open");
                s.rejoin(s.a);
                s.run_for(milliseconds{500});
                for (const auto& change : changes) {
                  const Reply* const reply = s.reply_to(change);
                  s.must(reply && reply->kind == Reply::Kind::kRetry, "try again");
                }
                s.clients_go_on(seconds{5});
                s.finish();
              }),
              IsEmpty());
}

TEST(ClientsScenario, NobodyIsAnsweredBeforeTheRecordIsApplied) {
  const Script script = [](Scenario& s) {
    s.clients_go_on(seconds{5});
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kReplyBeforeApply), HasSubstr("I14"));
}

// H31.
TEST(ClientsScenario, ACopyThatPassesOverACommandIsNoticed) {
  const Script script = [](Scenario& s) {
    s.node(s.c).drop_a_command();
    s.clients_go_on(seconds{5});
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kSkipCommand), HasSubstr("P11"));
}

// D9. c acknowledges a long tail of the first epoch, and the acknowledgements are late. The tail is
// cut in the second epoch; in the third the first primary leads again, and then they arrive.
TEST(ClientsScenario, AcknowledgementsOfAnEarlierEpochDoNotCount) {
  const Script script = [](Scenario& s) {
    s.quiet();
    s.run_for(milliseconds{100});
    s.cut_coordinator(s.a), s.cut_coordinator(s.c);
    s.separate(s.a, s.b);
    s.cluster.clog(s.c, s.a, milliseconds{2000});
    const Micros arrival = s.cluster.now() + milliseconds{2000};
    for (int i = 0; i < 20; ++i) s.propose_at(s.a);
    s.run_for(milliseconds{20});
    s.must(s.core(s.c).log.durable.lsn > s.core(s.b).log.durable.lsn, "c has the tail");
    s.cut(s.a, s.c);
    s.wait_for_primary(s.b, milliseconds{900});
    s.must(s.core(s.c).log.durable.lsn < s.core(s.a).log.durable.lsn, "c's tail is cut");
    s.rejoin(s.a);
    s.mend_coordinator(s.a), s.mend_coordinator(s.c);
    s.wait(seconds{1}, "a is a member again", [&] { return s.in_isr(s.a); });
    s.run_for(arrival - milliseconds{300} - s.cluster.now());
    // c's disk is slow when the third epoch begins.
    s.node(s.c).set_slow_disk(arrival + milliseconds{200}, milliseconds{400});
    s.hand_over(s.b, s.a);
    s.run_for(seconds{2});
    s.must(s.leads(s.a) && s.epoch() == 3, "a leads again");
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kCountAnyAck), HasSubstr("I3"));
}

}  // namespace
}  // namespace everpost::simulation
