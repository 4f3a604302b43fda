#include "cluster/coordinator/zookeeper_patience.h"

#include "cluster/coordinator/wait.h"

namespace everpost::cluster {
namespace {

using Clock = ZooKeeperSession::Clock;
constexpr std::chrono::milliseconds kPause{100};

template <class Try>
auto patiently(Try attempt) {
  const auto end = Clock::now() + kZooKeeperPatience;
  for (;;) {
    auto result = attempt(end);
    if (result || result.error().code != ErrorCode::kUnavailable || Clock::now() + kPause >= end)
      return result;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Result<Znode> get_patiently(ZooKeeperSession& session, const std::string& path) {
  return patiently([&](Clock::time_point end) {
    return wait_for<Znode>([&](auto answer) { session.get(path, end, std::move(answer)); });
  });
}

Result<std::vector<std::string>> children_patiently(ZooKeeperSession& session,
                                                    const std::string& path) {
  return patiently([&](Clock::time_point end) {
    return wait_for<std::vector<std::string>>(
        [&](auto answer) { session.children(path, end, std::move(answer)); });
  });
}

Result<void> create_patiently(ZooKeeperSession& session, const std::string& path,
                              const std::string& data) {
  const auto made = patiently([&](Clock::time_point end) {
    return wait_for<void>([&](auto answer) {
      session.write({{ZnodeChange::Kind::kCreate, path, data}}, end, std::move(answer));
    });
  });
  if (made || made.error().code != ErrorCode::kAlreadyExists) return made;
  ASSIGN_OR_RETURN(const Znode there, get_patiently(session, path));
  if (there.data == data && there.version == 0) return {};
  return made;
}

Result<void> write_and_wait(ZooKeeperSession& session, std::vector<ZnodeChange> changes) {
  return wait_for<void>([&](auto answer) {
    session.write(std::move(changes), Clock::now() + kZooKeeperPatience, std::move(answer));
  });
}

}  // namespace everpost::cluster
