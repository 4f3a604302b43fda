#include "cluster/coordinator/zookeeper_registry.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "cluster/coordinator/value_text.h"
#include "cluster/coordinator/zookeeper_patience.h"

namespace everpost::cluster {
namespace {

using Kind = ZnodeChange::Kind;
constexpr const char* kFolders[] = {"/shards", "/nodes", "/live", "/scratch"};

// "3-00000000deadbeef"
std::optional<NodeId> node_of(std::string_view live_name) {
  const auto id = number_in<std::uint32_t>(live_name.substr(0, live_name.find('-')));
  if (!id) return std::nullopt;
  return NodeId{*id};
}

Result<std::uint32_t> decode_level(const Znode& znode, const std::string& path) {
  const auto word = decode_word("level", znode.data);
  if (!word) return in_context("znode " + path, word.error());
  const auto level = number_in<std::uint32_t>(*word);
  if (!level) return Error{ErrorCode::kCorrupt, "znode " + path + ": not a level: " + *word};
  return *level;
}

Result<void> make_unless_there(ZooKeeperSession& session, const std::string& path) {
  auto made = create_patiently(session, path, "");
  if (!made && made.error().code == ErrorCode::kAlreadyExists) return {};
  return made;
}

}  // namespace

// ---- administration

Result<void> ZooKeeperRegistry::create_cluster(const Uuid& id, std::uint32_t feature_level) {
  for (std::size_t at = options_.root.find('/', 1);; at = options_.root.find('/', at + 1)) {
    RETURN_IF_ERROR(make_unless_there(session_, options_.root.substr(0, at)));
    if (at == std::string::npos) break;
  }
  for (const char* folder : kFolders) RETURN_IF_ERROR(make_unless_there(session_, path(folder)));
  const auto level = create_patiently(session_, path("/features"),
                                      encode_word("level", std::to_string(feature_level)));
  if (!level && level.error().code != ErrorCode::kAlreadyExists) return level;
  // Last: it says that all is there.
  return create_patiently(session_, path("/cluster"), encode_word("cluster", hex(id)));
}

Result<Uuid> ZooKeeperRegistry::cluster() {
  ASSIGN_OR_RETURN(const Znode znode, get_patiently(session_, path("/cluster")));
  const auto word = decode_word("cluster", znode.data);
  if (!word) return in_context("znode " + path("/cluster"), word.error());
  const auto id = uuid_in(*word);
  if (!id) return Error{ErrorCode::kCorrupt, "znode " + path("/cluster") + ": not an id: " + *word};
  return *id;
}

Result<std::vector<Member>> ZooKeeperRegistry::members() {
  ASSIGN_OR_RETURN(const auto nodes, children_patiently(session_, path("/nodes")));
  ASSIGN_OR_RETURN(const auto live, children_patiently(session_, path("/live")));
  std::vector<Member> members;
  for (const std::string& name : nodes) {
    const std::string where = path("/nodes/" + name);
    const auto znode = get_patiently(session_, where);
    if (!znode && znode.error().code == ErrorCode::kNotFound) continue;  // forgotten meanwhile
    if (!znode) return znode.error();
    auto record = decode_node_record(znode->data);
    if (!record) return in_context("znode " + where, record.error());
    const bool is_live = std::ranges::any_of(
        live, [&](const std::string& entry) { return node_of(entry) == record->node; });
    members.push_back({*std::move(record), is_live});
  }
  std::ranges::sort(members, {}, [](const Member& member) { return member.record.node; });
  return members;
}

Result<void> ZooKeeperRegistry::forget(NodeId node) {
  const std::string where = path("/nodes/" + to_string(node));
  ASSIGN_OR_RETURN(const Znode znode, get_patiently(session_, where));
  ASSIGN_OR_RETURN(const auto live, children_patiently(session_, path("/live")));
  for (const std::string& entry : live)
    if (node_of(entry) == node)
      return Error{ErrorCode::kConflict, "node " + to_string(node) + " is there: stop it first"};
  return write_and_wait(session_, {{Kind::kRemove, where, {}, znode.version}});
}

// ---- feature level

Result<std::uint32_t> ZooKeeperRegistry::feature_level() {
  ASSIGN_OR_RETURN(const Znode znode, get_patiently(session_, path("/features")));
  return decode_level(znode, path("/features"));
}

// A node that registers sets /features anew, so that it cannot slip in between the look at the
// nodes and the change.
Result<void> ZooKeeperRegistry::raise_feature_level(std::uint32_t level) {
  ASSIGN_OR_RETURN(const Znode znode, get_patiently(session_, path("/features")));
  ASSIGN_OR_RETURN(const auto present, decode_level(znode, path("/features")));
  if (level <= present)
    return Error{ErrorCode::kInvalidArgument,
                 "the feature level is " + std::to_string(present) + " already"};
  ASSIGN_OR_RETURN(const auto all, members());
  std::string lacking;
  for (const Member& member : all)
    if (!member.record.features.has(level)) lacking += " " + to_string(member.record.node);
  if (!lacking.empty())
    return Error{ErrorCode::kConflict,
                 "feature level " + std::to_string(level) + " is not supported by node" + lacking};
  return write_and_wait(session_, {{Kind::kSet, path("/features"),
                                    encode_word("level", std::to_string(level)), znode.version}});
}

}  // namespace everpost::cluster
