// Which of the ends of a network, nodes and ZooKeeper, do not hear which others.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace everpost::local {

// A node's number; 0 is ZooKeeper, all of its servers.
using End = unsigned;
constexpr End kZooKeeperEnd = 0;

class Cuts {
 public:
  // Executes one line and returns what is cut then: "1>2 2>1 zookeeper>1".
  //   cut 1>2 2>1    what 1 sends does not reach 2, nor what 2 sends 1
  //   heal 1         all that has to do with 1 flows again; `heal` alone: everything
  //   list
  // Errors: kInvalidArgument.
  Result<std::string> execute(std::string_view line);

  bool blocks(End from, End to) const { return cut_.contains({from, to}); }
  bool blocks_either(End a, End b) const { return blocks(a, b) || blocks(b, a); }

 private:
  std::set<std::pair<End, End>> cut_;
};

// "1", "zookeeper". Errors: kInvalidArgument.
Result<End> parse_end(std::string_view text);
std::string end_name(End end);

}  // namespace everpost::local
