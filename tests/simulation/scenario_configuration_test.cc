// H1 to H4 of docs/hazards.md: changes of the configuration whose outcome nobody knows.
#include <gmock/gmock.h>

#include "tests/simulation/scenario.h"

namespace everpost::simulation {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::array kFates = {Fate::kNotStored, Fate::kStored, Fate::kStoredLater};

// H1. No planted bug fits, and forgetting a takeover whose outcome is unknown is harmless here: the
// candidate asks the coordinator anyway. What is checked is how long it takes, and how many epochs.
TEST(ConfigurationScenario, ATakeoverWithoutAnAnswerIsResolvedByItsNonce) {
  for (const Fate fate : kFates)
    for (const Micros later : {milliseconds{150}, milliseconds{450}, milliseconds{3000}}) {
      SCOPED_TRACE(static_cast<int>(fate));
      EXPECT_THAT(play([&](Scenario& s) {
                    const std::uint64_t before = s.epoch();
                    s.cluster.coordinator().script(s.id(s.b), Transition::kTakeover, fate, later);
                    s.crash_for(s.a, seconds{10});
                    s.wait_for_takeover(before, seconds{3});
                    s.clients_go_on(seconds{5});
                    s.run_for(seconds{4});
                    s.must(s.epoch() <= before + 2, "an unknown outcome costs one epoch at most");
                    s.clients_go_on(seconds{5});
                    s.finish();
                  }),
                  IsEmpty());
    }
}

// H1, H2. A primary that does not know whether it has dropped a member waits for it; the next one
// takes over from whichever configuration there is.
TEST(ConfigurationScenario, AShrinkWithoutAnAnswerIsResolvedBeforeAnythingIsCommitted) {
  for (const Fate fate : kFates) {
    SCOPED_TRACE(static_cast<int>(fate));
    EXPECT_THAT(play([&](Scenario& s) {
                  const std::uint64_t before = s.epoch();
                  s.cluster.coordinator().script(s.id(s.a), Transition::kShrink, fate,
                                                 milliseconds{1500});
                  s.isolate(s.c);
                  s.wait(seconds{1}, "the primary gives the member up",
                         [&] { return !s.core(s.a).proposals.empty(); });
                  s.clients_go_on(seconds{5});
                  s.must(!s.in_isr(s.c), "clients are served once the member is out");
                  s.must(s.epoch() == before, "it stays the primary");
                  s.rejoin(s.c);
                  s.crash_for(s.a, seconds{1});
                  s.wait_for_takeover(before, seconds{3});
                  s.clients_go_on(seconds{5});
                  s.finish();
                }),
                IsEmpty());
  }
}

// H2. Both are under way at once: the primary drops the member, the member takes over. All
// outcomes.
TEST(ConfigurationScenario, AShrinkAndATakeoverByTheMemberHaveOneWinner) {
  for (int shrink = 0; shrink <= 3; ++shrink)
    for (int takeover = 0; takeover <= 3; ++takeover) {
      SCOPED_TRACE(shrink * 10 + takeover);
      EXPECT_THAT(play([&](Scenario& s) {
                    const auto script = [&](std::uint32_t node, Transition kind, int fate) {
                      if (fate < 3)
                        s.cluster.coordinator().script(s.id(node), kind, kFates[fate],
                                                       milliseconds{80});
                    };
                    script(s.a, Transition::kShrink, shrink);
                    script(s.c, Transition::kTakeover, takeover);
                    s.separate(s.a, s.c);
                    // The other one's connection flaps: it does not vouch for the primary.
                    for (int i = 0; i < 40; ++i) {
                      s.run_for(milliseconds{15});
                      s.node(s.b).happen(PeerLost{s.id(s.a)});
                    }
                    s.clients_go_on(seconds{5});
                    s.join(s.a, s.c);
                    s.clients_go_on(seconds{5});
                    s.finish();
                  }),
                  IsEmpty());
    }
}

// H3.
TEST(ConfigurationScenario, ACopyWhoseAdmissionWasNotConfirmedIsWaitedFor) {
  Plan plan = calm_plan();
  plan.isr = 2;
  plan.watch_loss = 1;  // nothing tells the primary but the answer, which is lost
  const Script script = [](Scenario& s) {
    // The third copy comes into the ISR, the primary does not hear of it, nor ever after.
    s.cut_coordinator(s.a);
    s.separate(s.a, s.c);
    s.run_for(milliseconds{10});
    const Lsn before = s.cluster.checker().committed();
    // Longer than it takes the call to fail: a primary that took that for "not stored" fails here.
    s.run_for(milliseconds{330});
    s.must(s.in_isr(s.c), "it is in the ISR");
    s.must(s.cluster.checker().committed() == before, "nothing is committed without it");
    // Now nobody else is left for the moment: it takes over, and has everything.
    const std::uint64_t epoch = s.epoch();
    s.crash_for(s.b, milliseconds{500});
    s.lose_power_for(s.a, seconds{5});
    s.wait_for_takeover(epoch, seconds{8});
    s.clients_go_on(seconds{5});
    s.finish();
  };
  const Script whole = [&](Scenario& s) {
    // begin() has let it in already. Out with it, and in again.
    s.isolate(s.c);
    s.wait(seconds{2}, "it is out", [&] { return !s.in_isr(s.c); });
    s.run_for(milliseconds{50});
    s.cluster.coordinator().script(s.id(s.a), Transition::kExtend, Fate::kStored);
    s.rejoin(s.c);
    s.wait(seconds{10}, "it is in again", [&] { return s.in_isr(s.c); });
    script(s);
  };
  EXPECT_THAT(play(whole, Bug::kNone, plan), IsEmpty());
  EXPECT_THAT(play(whole, Bug::kCommitWithoutUnion, plan), HasSubstr("I3"));
}

// H4, KIP-320: the new primary's commit point is old; a copy that has everything up to that may
// still lack what its predecessor committed.
TEST(ConfigurationScenario, ACopyThatHasNotCaughtUpWithTheEpochStaysOutside) {
  const Script script = [](Scenario& s) {
    s.isolate(s.c);
    s.wait(seconds{1}, "it is out", [&] { return !s.in_isr(s.c); });
    s.run_for(milliseconds{500});
    s.rejoin(s.c);
    s.node(s.c).set_slow_disk(s.cluster.now() + seconds{2}, milliseconds{100});
    const std::uint64_t before = s.epoch();
    s.crash_for(s.a, seconds{10});
    s.wait_for_takeover(before, seconds{3});
    s.must(s.in_isr(s.c), "it takes the dead member's place");
    s.clients_go_on(seconds{5});
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kExtendEarly), HasSubstr("I3"));
}

// H4, the other side: with a rule that is too strict nobody could ever come in.
TEST(ConfigurationScenario, ALearnerReplacesADeadMemberThoughNothingIsCommitted) {
  Plan plan = calm_plan();
  plan.nodes = 4;
  EXPECT_THAT(play(
                  [](Scenario& s) {
                    const std::uint32_t learner = 3;
                    s.node(s.a).lose_power(0);
                    s.node(s.c).lose_power(0);
                    s.run_for(seconds{2});
                    s.must(s.cluster.primary() == nullptr, "one copy of three is not enough");
                    ShardConfig next = s.config();
                    next.replicas.push_back(s.id(learner));
                    s.cluster.coordinator().store(next, CopyId{}, Transition::kPlacement);
                    s.wait_for_primary(s.b, seconds{2});
                    s.must(s.in_isr(learner), "the learner is in");
                    s.clients_go_on(seconds{5});
                    s.finish();
                  },
                  Bug::kNone, plan),
              IsEmpty());
}

// A copy asks whether the configuration is still the same, to end its suspicion of itself. The
// answer is late, and meets another question of the same copy: whether the coordinator went back in
// time (H6). It once took the one for the other, and raised the alarm. (To see it fail: compare
// versions instead of tokens in configuration.cc, ConfigVerified.)
TEST(ConfigurationScenario, ALateAnswerBelongsToItsOwnQuestion) {
  EXPECT_THAT(play([](Scenario& s) {
                s.cluster.coordinator().script_verify(s.id(s.c), milliseconds{300});
                s.lose_power_for(s.c, milliseconds{20});
                s.wait(seconds{2}, "it asks",
                       [&] { return s.node(s.c).core() && s.core(s.c).following.verifying; });
                s.run_for(milliseconds{20});
                const ShardConfig old = s.config();
                const std::uint64_t version = s.cluster.coordinator().version();
                ShardConfig next = old;
                std::ranges::rotate(next.replicas, next.replicas.begin() + 1);
                s.cluster.coordinator().store(next, CopyId{}, Transition::kPlacement);
                s.wait(seconds{1}, "it sees the next configuration",
                       [&] { return s.core(s.c).config_version > version; });
                s.cluster.coordinator().script_verify(s.id(s.c), seconds{1});
                s.node(s.c).happen(ConfigSeen{old, version});  // a read that was answered late
                s.run_for(seconds{2});
                s.must(!s.node(s.c).is_suspect(), "it asks again, and ends its suspicion");
                s.clients_go_on(seconds{5});
                s.finish();
              }),
              IsEmpty());
}

// H6. Old answers are common, and no reason to stop; a value that is old and in force is one.
TEST(ConfigurationScenario, ACoordinatorThatWentBackInTimeIsNoticed) {
  Plan plan = calm_plan();
  plan.stale_read = 0.5;
  const auto script = [](bool rewinds) {
    return [rewinds](Scenario& s) {
      const std::uint64_t before = s.epoch();
      s.hand_over(s.a, s.b);
      s.wait_for_takeover(before, milliseconds{500});
      s.run_for(seconds{6});
      if (rewinds) s.cluster.coordinator().rewind();
      s.run_for(seconds{12});
      s.finish();
    };
  };
  EXPECT_THAT(play(script(false), Bug::kNone, plan), IsEmpty());
  EXPECT_THAT(play(script(true), Bug::kNone, plan), HasSubstr("H6"));
}

}  // namespace
}  // namespace everpost::simulation
