// GET /v1/cluster, and how commands show it.
#pragma once

#include "node/cli/cli.h"

namespace everpost::cli {

// Not longer than a node waits for the others.
std::optional<json::object> ask_for_cluster(const Cli& cli, int& exit_code);
// A list of objects; empty if it is none.
std::vector<json::object> list(const json::object& object, std::string_view name);
// "1,2,3"
std::string numbers_text(const json::object& object, std::string_view name);

std::string nodes_table(const json::object& cluster);
std::string shards_table(const json::object& cluster);
// Of one shard, or of all.
std::string copies_table(const json::object& cluster, std::optional<std::uint64_t> shard);

}  // namespace everpost::cli
