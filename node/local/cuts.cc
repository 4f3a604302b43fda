#include "node/local/cuts.h"

#include <charconv>
#include <sstream>

namespace everpost::local {
namespace {

constexpr End kEndMax = 9;

}  // namespace

Result<End> parse_end(std::string_view text) {
  if (text == "zookeeper") return kZooKeeperEnd;
  End end = 0;
  const auto [rest, bad] = std::from_chars(text.data(), text.data() + text.size(), end);
  if (bad != std::errc{} || rest != text.data() + text.size() || end < 1 || end > kEndMax)
    return Error{ErrorCode::kInvalidArgument,
                 "\"" + std::string(text) + "\" is neither a node's number nor zookeeper"};
  return end;
}

std::string end_name(End end) { return end == kZooKeeperEnd ? "zookeeper" : std::to_string(end); }

Result<std::string> Cuts::execute(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string verb, word;
  words >> verb;
  auto after = cut_;
  if (verb == "cut") {
    while (words >> word) {
      const auto arrow = word.find('>');
      if (arrow == std::string::npos)
        return Error{ErrorCode::kInvalidArgument, "\"" + word + "\": write it like 1>2"};
      ASSIGN_OR_RETURN(const End from, parse_end(std::string_view(word).substr(0, arrow)));
      ASSIGN_OR_RETURN(const End to, parse_end(std::string_view(word).substr(arrow + 1)));
      after.emplace(from, to);
    }
  } else if (verb == "heal") {
    if (words >> word) {
      ASSIGN_OR_RETURN(const End end, parse_end(word));
      std::erase_if(after,
                    [end](const auto& pair) { return pair.first == end || pair.second == end; });
    } else {
      after.clear();
    }
  } else if (verb != "list") {
    return Error{ErrorCode::kInvalidArgument, "commands are cut, heal and list"};
  }
  cut_ = std::move(after);
  std::string text;
  for (const auto& [from, to] : cut_)
    text += (text.empty() ? "" : " ") + end_name(from) + ">" + end_name(to);
  return text;
}

}  // namespace everpost::local
