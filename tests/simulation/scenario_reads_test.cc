// H20 and H21 of docs/hazards.md, and the rounds that confirm reads (R2).
#include <gmock/gmock.h>

#include "tests/simulation/scenario.h"

namespace everpost::simulation {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;

// H20. The successor has what was answered last, but does not know yet that it is committed.
TEST(ReadsScenario, ASuccessorShowsNothingBeforeItsFirstRecordIsCommitted) {
  const Script script = [](Scenario& s) {
    s.wait(seconds{2}, "something is answered that the others do not know to be committed", [&] {
      return s.shown() > s.core(s.b).commit && s.shown() > s.core(s.c).commit &&
             s.core(s.b).log.durable.lsn >= s.shown();
    });
    const std::uint64_t before = s.epoch();
    s.node(s.c).set_slow_disk(s.cluster.now() + seconds{2}, milliseconds{150});
    s.crash_for(s.a, seconds{5});
    s.wait(milliseconds{500}, "it is the primary",
           [&] { return s.core(s.b).role == Role::kPrimary; });
    std::vector<Scenario::Question> reads;
    const auto first_is_committed = [&] {
      const Primacy& primacy = s.core(s.b).primacy;
      return primacy.begun && s.core(s.b).commit >= primacy.reign_begins;
    };
    while (true) {
      reads.push_back(s.read_at(s.b));
      s.run_for(milliseconds{10});
      s.check_reads();
      if (first_is_committed()) break;
      s.must(!s.reply_to(reads.front()), "reads wait");
    }
    s.must(reads.size() > 10, "it took a while");
    s.run_for(milliseconds{500});
    for (const auto& read : reads) s.must(s.reply_to(read), "then they are answered");
    s.must(s.epoch() == before + 1, "in one epoch");
    s.clients_go_on(seconds{5});
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kOpenEarly), AnyOf(HasSubstr("P2"), HasSubstr("reads wait")));
}

// H21. A client talks to the new primary and, through an old connection, to the old one, which has
// contact with the others, but has not heard of its successor.
TEST(ReadsScenario, AnOldPrimaryShowsNothingOld) {
  const Script script = [](Scenario& s) {
    const std::uint64_t before = s.epoch();
    s.cut_coordinator(s.a);
    s.isolate(s.a);
    s.wait_for_takeover(before, milliseconds{700});
    for (int i = 0; i < 20; ++i) {
      s.read_at(s.a), s.read_at(s.b);
      s.run_for(milliseconds{20});
    }
    s.clients_go_on(seconds{5});
    // It can ask the others now; their answers say that its time is over.
    s.lose_bad_news_for(s.a);
    s.rejoin(s.a);
    s.run_for(milliseconds{200});
    s.check_reads();
    s.cluster.loses = nullptr;
    s.run_for(milliseconds{500});
    const auto read = s.read_at(s.a);
    s.run_for(milliseconds{1});
    const Reply* const reply = s.reply_to(read);
    s.must(reply && reply->kind == Reply::Kind::kRefused, "it leads no more");
    s.must(s.epoch() == before + 1, "and deposes nobody");
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kConfirmAnyEpoch), HasSubstr("P2"));
}

// The confirmations of an early read arrive after another read has come.
TEST(ReadsScenario, AReadIsNotConfirmedByARoundThatWasSentBeforeIt) {
  const Script script = [](Scenario& s) {
    const std::uint64_t before = s.epoch();
    s.cut_coordinator(s.a);
    s.cluster.clog(s.b, s.a, seconds{2});
    s.cluster.clog(s.c, s.a, seconds{2});
    s.run_for(milliseconds{5});
    s.read_at(s.a);  // its round gets out, and is confirmed
    s.run_for(milliseconds{5});
    s.cut(s.a, s.b), s.cut(s.a, s.c);
    s.wait_for_takeover(before, milliseconds{800});
    s.clients_go_on(seconds{5});
    s.must(s.core(s.a).primacy.open, "it does not know");
    const auto late = s.read_at(s.a);
    s.run_for(seconds{2});
    s.check_reads();
    const Reply* const reply = s.reply_to(late);
    s.must(reply && reply->kind == Reply::Kind::kRefused, "the late read is refused");
    s.finish();
  };
  EXPECT_THAT(play(script), IsEmpty());
  EXPECT_THAT(play(script, Bug::kLateReadJoins), HasSubstr("P2"));
}

// H9. Reads do not need the coordinator, nor do changes, as long as all members live.
TEST(ReadsScenario, WithoutTheCoordinatorClientsAreServedForEver) {
  EXPECT_THAT(play(
                  [](Scenario& s) {
                    const std::uint64_t before = s.epoch();
                    for (std::uint32_t i = 0; i < 3; ++i) s.cut_coordinator(i);
                    s.must(s.longest_silence(seconds{60}) < milliseconds{100}, "nobody waits");
                    s.must(s.epoch() == before && s.leads(s.a), "nothing changes");
                    s.finish();
                  },
                  Bug::kNone, calm_plan(), 2),
              IsEmpty());
}

// H10.
TEST(ReadsScenario, APrimaryThatAloneHasLostTheCoordinatorHandsOver) {
  EXPECT_THAT(play([](Scenario& s) {
                const std::uint64_t before = s.epoch();
                s.cut_coordinator(s.a);
                s.must(s.longest_silence(seconds{7}) < milliseconds{100}, "nobody waits");
                s.must(!s.leads(s.a) && s.epoch() == before + 1, "another one leads");
                s.finish();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace everpost::simulation
