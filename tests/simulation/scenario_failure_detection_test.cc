// H14 to H16, H18, H19, H22 and H23 of docs/hazards.md: who is taken for dead, and what follows.
// (H17 is about leases, which are not built.)
#include <gmock/gmock.h>

#include "tests/simulation/scenario.h"

namespace everpost::simulation {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(FailureDetectionScenario, APowerLossOfThePrimaryCostsLessThan700Milliseconds) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.lose_power_for(s.a, seconds{8});
                s.wait_for_takeover(before, milliseconds{700});
                s.must(s.leads(s.b) && s.epoch() == before + 1, "the next in order has taken over");
                s.clients_go_on(seconds{5});
                s.run_for(seconds{9});
                s.must(s.in_isr(s.a) && !s.node(s.a).is_suspect(), "it comes back as a member");
                s.must(s.epoch() == before + 1, "and deposes nobody");
                s.finish();
              }),
              IsEmpty());
}

TEST(FailureDetectionScenario, ACrashWhoseConnectionsBreakCostsLessThan150Milliseconds) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.crash_for(s.a, seconds{3});
                s.wait_for_takeover(before, milliseconds{150});
                s.must(s.leads(s.b) && s.epoch() == before + 1, "the next in order has taken over");
                s.clients_go_on(seconds{5});
                s.finish();
              }),
              IsEmpty());
}

TEST(FailureDetectionScenario, APrimaryThatStopsHandsOverAtOnce) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.node(s.a).stop();
                s.wait_for_takeover(before, milliseconds{100});
                s.cluster.after(seconds{1}, [&s] { s.node(s.a).start(); });
                s.clients_go_on(seconds{5});
                s.finish();
              }),
              IsEmpty());
}

// H14. What stands between two nodes says that the primary is gone. The third one hears it.
TEST(FailureDetectionScenario, AConnectionThatIsResetDeposesNobody) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                for (int i = 0; i < 20; ++i) {
                  s.cluster.reset(s.a, s.b);
                  // A Probe that is not answered is sent again after 200 ms.
                  s.must(s.longest_silence(milliseconds{500}) < milliseconds{260}, "a short wait");
                }
                s.must(s.epoch() == before && s.leads(s.a), "it stays the primary");
                s.must(s.in_isr(s.b), "the other one stays a member");
                s.finish();
              }),
              IsEmpty());
}

TEST(FailureDetectionScenario, AMemberThatThePrimaryCannotReachIsDroppedAndDeposesNobody) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.separate(s.a, s.b);
                for (int i = 0; i < 100; ++i) {  // each attempt is answered with a reset
                  s.cluster.reset(s.a, s.b);
                  s.run_for(milliseconds{100});
                }
                s.must(s.epoch() == before && s.leads(s.a), "it stays the primary");
                s.must(!s.in_isr(s.b), "the member is out");
                s.clients_go_on(seconds{5});
                s.join(s.a, s.b);
                s.run_for(seconds{10});
                s.must(s.in_isr(s.b), "it is in again");
                s.finish();
              }),
              IsEmpty());
}

// H14, and a restart within an epoch (instead of H17).
TEST(FailureDetectionScenario, APrimaryThatRestartsDoesNotGoOnInItsEpoch) {
  const Script script = [](Scenario& s) {
    for (const Micros down : {Micros{100}, Micros{2000}, Micros{20'000}}) {
      const std::uint64_t before = s.epoch();
      const std::uint32_t index = s.cluster.primary()->id().value - 1;
      s.crash_for(index, down);
      s.wait_for_takeover(before, milliseconds{300});
      s.clients_go_on(seconds{5});
      s.run_for(milliseconds{200});
      s.must(s.epoch() == before + 1, "one new epoch");
    }
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kRestartResumesEpoch), HasSubstr("I1"));
}

TEST(FailureDetectionScenario, AMemberThatRestartsIsBackInTheSameEpoch) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                for (int i = 0; i < 10; ++i) {
                  s.crash_for(i % 2 ? s.b : s.c, milliseconds{5 + 20 * i});
                  s.must(s.longest_silence(milliseconds{500}) < milliseconds{450}, "a short wait");
                }
                s.must(s.epoch() == before && s.leads(s.a), "it stays the primary");
                s.must(s.config().isr.size() == 3, "all are members");
                s.finish();
              }),
              IsEmpty());
}

// H15. It is stopped (SIGSTOP) while reads arrive, and when it goes on it hears of nothing at
// first.
TEST(FailureDetectionScenario, APrimaryThatWasStoppedAnswersNothingOld) {
  const Script script = [](Scenario& s) {
    const std::uint64_t before = s.epoch();
    s.cut_coordinator(s.a);
    s.run_for(milliseconds{1});
    s.node(s.a).pause(seconds{3});
    s.cut(s.b, s.a), s.cut(s.c, s.a);
    s.wait_for_takeover(before, milliseconds{700});
    s.clients_go_on(seconds{5});
    std::vector<Scenario::Question> reads, changes;
    while (s.node(s.a).core()->primacy.open && reads.size() < 20) {
      reads.push_back(s.read_at(s.a));
      changes.push_back(s.propose_at(s.a));
      s.run_for(milliseconds{20});
    }
    s.wait(seconds{3}, "it wakes", [&] { return s.core(s.a).primacy.reads_in_round.size() > 0; });
    s.lose_bad_news_for(s.a);
    s.mend(s.b, s.a), s.mend(s.c, s.a);
    s.run_for(milliseconds{200});
    s.check_reads();
    s.cluster.loses = nullptr;
    s.run_for(milliseconds{500});
    for (const auto& read : reads) {
      const Reply* const reply = s.reply_to(read);
      s.must(reply && reply->kind == Reply::Kind::kRefused, "reads are refused");
    }
    for (const auto& change : changes) {
      const Reply* const reply = s.reply_to(change);
      s.must(reply && reply->kind != Reply::Kind::kDone, "changes are to be tried again");
    }
    s.must(s.epoch() == before + 1, "and it deposes nobody");
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kConfirmAnyEpoch), HasSubstr("P2"));
}

TEST(FailureDetectionScenario, AStopAtAnyMomentLosesNothing) {
  for (int moment = 0; moment < 24; ++moment)
    EXPECT_THAT(play([&](Scenario& s) {
                  s.run_for(Micros{250 * moment});
                  const std::uint64_t before = s.epoch();
                  s.node(s.a).pause(milliseconds{1200});
                  s.wait_for_takeover(before, milliseconds{700});
                  s.run_for(seconds{1});
                  s.clients_go_on(seconds{5});
                  s.finish();
                }),
                IsEmpty());
}

// H16. Clocks that are 10 % fast or slow, and one that stands still with its machine: reads (R2)
// depend on none.
TEST(FailureDetectionScenario, ClocksThatDriftAndFreezeShowNothingOld) {
  Plan plan = calm_plan();
  plan.clock_drift = 0.1;
  const Script script = [](Scenario& s) {
    const std::uint64_t before = s.epoch();
    const std::uint32_t frozen = s.cluster.primary()->id().value - 1;
    s.cut_coordinator(frozen);
    s.run_for(milliseconds{50});
    s.node(frozen).freeze(seconds{12});
    std::vector<std::uint32_t> others;
    for (std::uint32_t node = 0; node < 3; ++node)
      if (node != frozen) others.push_back(node);
    for (const std::uint32_t other : others) s.cut(other, frozen);
    s.wait_for_takeover(before, seconds{3});
    s.clients_go_on(seconds{10});  // some ask the frozen one again and again
    for (int read = 0; read < 10; ++read) s.read_at(frozen), s.run_for(milliseconds{10});
    s.wait(seconds{14}, "it thaws", [&] {
      return s.core(frozen).role == Role::kPrimary && s.core(frozen).primacy.round_running;
    });
    s.lose_bad_news_for(frozen);
    for (const std::uint32_t other : others) s.mend(other, frozen);
    s.run_for(milliseconds{200});
    s.check_reads();
    s.cluster.loses = nullptr;
    s.run_for(milliseconds{500});
    s.mend_coordinator(frozen);
    s.clients_go_on(seconds{15});
    s.check_reads();
    s.finish();
  };
  EXPECT_THAT(play(script, Bug::kNone, plan), IsEmpty());
  EXPECT_THAT(play(script, Bug::kConfirmAnyEpoch, plan), HasSubstr("P2"));
}

TEST(FailureDetectionScenario, NodesThatFreezeInTurnStopNobodyForGood) {
  Plan plan = calm_plan();
  plan.clock_drift = 0.1;
  for (const Micros time : {Micros{seconds{1}}, Micros{seconds{3}}, Micros{seconds{12}}})
    EXPECT_THAT(play(
                    [time](Scenario& s) {
                      for (const std::uint32_t node : {s.a, s.b, s.c, s.a, s.b, s.c}) {
                        s.node(node).freeze(time);
                        s.run_for(time + milliseconds{500});
                        s.check_reads();
                        s.clients_go_on(seconds{15});
                      }
                      s.finish();
                    },
                    Bug::kNone, plan),
                IsEmpty());
}

// H18. Every combination of links that carry nothing in one direction. Without candidate.cc's
// hears_enough() 19 of the 64 fail, among them the one that isolates the third node.
TEST(FailureDetectionScenario, NoCombinationOfCutsMakesNodesDeposeEachOtherForEver) {
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 6> kLinks = {
      {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}}};
  Plan plan = calm_plan();
  plan.think_time = milliseconds{50};
  for (unsigned cuts = 0; cuts < 64; ++cuts) {
    SCOPED_TRACE(cuts);
    EXPECT_THAT(play(
                    [&](Scenario& s) {
                      const std::uint64_t before = s.epoch();
                      for (unsigned i = 0; i < 6; ++i)
                        if (cuts >> i & 1) s.cut(kLinks[i].first, kLinks[i].second);
                      s.run_for(seconds{20});
                      // Where no two hear each other nobody can commit anything; some try.
                      const auto pair = [&](unsigned i) { return (cuts >> (2 * i) & 3) == 0; };
                      const bool some_pair = pair(0) || pair(1) || pair(2);
                      const std::uint64_t changes = s.epoch() - before;
                      s.must(changes <= (some_pair ? 2 : 12), "few changes");
                      if (some_pair) s.clients_go_on(seconds{5});
                      s.finish();
                    },
                    Bug::kNone, plan, 2),
                IsEmpty());
  }
}

// H19.
TEST(FailureDetectionScenario, AMemberThatHangsIsDroppedAfterHalfASecond) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                const Micros began = s.cluster.now();
                s.node(s.c).pause(seconds{4});
                s.wait(milliseconds{700}, "it is out", [&] { return !s.in_isr(s.c); });
                s.clients_go_on(seconds{2});
                s.run_for(seconds{6} - (s.cluster.now() - began));
                s.must(s.in_isr(s.c), "at min_isr it is in again at once");
                s.must(s.epoch() == before, "all in one epoch");
                s.finish();
              }),
              IsEmpty());
}

// Its heartbeats are answered all the time.
TEST(FailureDetectionScenario, AMemberWhoseDiskHangsIsDropped) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.node(s.c).set_slow_disk(s.cluster.now() + milliseconds{100}, seconds{12});
                s.run_for(milliseconds{100});
                s.wait(seconds{4}, "it is out", [&] { return !s.in_isr(s.c); });
                s.clients_go_on(seconds{1});
                s.must(s.epoch() == before, "all in one epoch");
                s.run_for(seconds{15});
                s.must(s.in_isr(s.c), "it is in again");
                s.finish();
              }),
              IsEmpty());
}

TEST(FailureDetectionScenario, APrimaryWhoseDiskHangsHandsOver) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.node(s.a).set_slow_disk(s.cluster.now() + milliseconds{100}, seconds{12});
                s.run_for(milliseconds{100});
                s.wait_for_takeover(before, seconds{5});
                s.must(!s.leads(s.a), "another one leads");
                s.wait(seconds{4}, "it is out", [&] { return !s.in_isr(s.a); });
                s.clients_go_on(seconds{1});
                s.run_for(seconds{15});
                s.must(s.in_isr(s.a), "it is in again");
                s.finish();
              }),
              IsEmpty());
}

// Two of three hang: nothing is done, and nothing given up.
TEST(FailureDetectionScenario, ThePrimaryNeverShrinksBelowMinIsr) {
  const Script script = [](Scenario& s) {
    s.node(s.b).pause(seconds{3});
    s.node(s.c).pause(seconds{3});
    s.run_for(seconds{2});
    s.must(s.config().isr.size() == 2, "one is dropped, the other cannot be");
    const std::uint64_t answered = s.answered();
    s.run_for(milliseconds{500});
    s.must(s.answered() == answered, "nobody is answered");
    s.clients_go_on(seconds{5});
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kShrinkBelowMin), HasSubstr("I12"));
}

// H22.
TEST(FailureDetectionScenario, AHandOverTakesMilliseconds) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.hand_over(s.a, s.c);
                s.must(s.longest_silence(milliseconds{500}) < milliseconds{60}, "hardly a wait");
                s.must(s.leads(s.c) && s.epoch() == before + 1, "the other one leads");
                s.finish();
              }),
              IsEmpty());
}

TEST(FailureDetectionScenario, AHandOverWhoseWordIsLostLeavesThePrimaryInOffice) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.cluster.loses = [](NodeId, NodeId, const Message& message) {
                  return std::holds_alternative<TransferGo>(message.payload);
                };
                s.hand_over(s.a, s.c);
                s.must(s.longest_silence(seconds{2}) < milliseconds{450}, "then it goes on");
                s.must(s.leads(s.a) && s.epoch() == before, "it stays the primary");
                s.finish();
              }),
              IsEmpty());
}

TEST(FailureDetectionScenario, AHandOverWhoseTakeoverHasNoAnswerEndsOneWayOrTheOther) {
  for (const Fate fate : {Fate::kNotStored, Fate::kStored, Fate::kStoredLater})
    EXPECT_THAT(play([&](Scenario& s) {
                  const std::uint64_t before = s.epoch();
                  s.cluster.coordinator().script(s.id(s.c), Transition::kTakeover, fate,
                                                 milliseconds{700});
                  s.hand_over(s.a, s.c);
                  s.run_for(seconds{3});
                  s.must(s.epoch() == before + 1, "it takes over in the end");
                  s.clients_go_on(seconds{5});
                  s.finish();
                }),
                IsEmpty());
}

TEST(FailureDetectionScenario, AHandOverToOneThatDiesLeavesThePrimaryInOffice) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.cluster.loses = [&s](NodeId, NodeId to, const Message& message) {
                  if (!std::holds_alternative<TransferGo>(message.payload)) return false;
                  s.cluster.after(Micros{0}, [&s, to] { s.crash_for(to.value - 1, seconds{2}); });
                  return true;
                };
                s.hand_over(s.a, s.c);
                s.clients_go_on(seconds{5});
                s.must(s.leads(s.a) && s.epoch() == before, "it stays the primary");
                s.finish();
              }),
              IsEmpty());
}

// H23. All suspect at one moment, and the coordinator takes long: both proposals are under way.
TEST(FailureDetectionScenario, TwoCandidatesAtOnceMakeOneEpoch) {
  Plan plan = calm_plan();
  plan.coordinator_mean = milliseconds{40};
  bool both = false;
  EXPECT_THAT(play(
                  [&](Scenario& s) {
                    const std::uint64_t before = s.epoch();
                    s.crash_for(s.a, seconds{5});
                    for (int i = 0; i < 1000 && s.epoch() == before; ++i) {
                      s.run_for(milliseconds{1});
                      both |= s.cluster.coordinator().under_way().size() > 1;
                    }
                    s.wait_for_takeover(before, seconds{1});
                    s.clients_go_on(seconds{5});
                    s.run_for(seconds{2});
                    s.must(s.epoch() == before + 1, "one new epoch");
                    s.finish();
                  },
                  Bug::kNone, plan),
              IsEmpty());
  EXPECT_TRUE(both) << "in no seed were there two proposals at once";
}

}  // namespace
}  // namespace everpost::simulation
