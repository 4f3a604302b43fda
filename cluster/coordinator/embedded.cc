#include "cluster/coordinator/embedded.h"

#include <charconv>
#include <cstdio>
#include <optional>

#include "base/crc32c.h"
#include "base/random.h"

namespace everpost::cluster {
namespace {

constexpr std::uint64_t kFileBytesMax = 64 << 10;

std::string with_crc(std::string text) {
  char line[16];
  std::snprintf(line, sizeof line, "crc %08x\n", crc32c(as_bytes(text)));
  return text + line;
}

// The lines before a valid "crc" line.
Result<std::string_view> checked(std::string_view text) {
  const auto at = text.rfind("crc ");
  if (at == std::string_view::npos || text != with_crc(std::string(text.substr(0, at))))
    return Error{ErrorCode::kCorrupt, "its checksum does not fit its contents"};
  return text.substr(0, at);
}

// Cuts the next word, up to a space or line end, off `text`.
std::string_view next_word(std::string_view& text) {
  const auto end = std::min(text.find_first_of(" \n"), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <class T>
std::optional<T> number(std::string_view word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<Uuid> uuid(std::string_view word) {
  Uuid id;
  if (word.size() != id.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    unsigned char byte = 0;
    const char* at = word.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, byte, 16);
    if (error != std::errc{} || end != at + 2) return std::nullopt;
    id[i] = std::byte{byte};
  }
  return id;
}

std::string file_name(ShardId shard) {
  char name[24];
  std::snprintf(name, sizeof name, "shard-%04u", shard.value);
  return name;
}

}  // namespace

std::string encode(const Versioned& value) {
  const ShardConfig& config = value.config;
  std::string text = "format 1\nversion " + std::to_string(value.version) + "\nlineage " +
                     to_string(config.lineage) + "\nepoch " + to_string(config.epoch) +
                     "\nprimary " + to_string(config.primary) + "\nmin_isr " +
                     std::to_string(config.min_isr) + "\n";
  for (const CopyId& copy : config.isr)
    text += "isr " + to_string(copy.node) + " " + hex(copy.disk) + "\n";
  for (const NodeId node : config.replicas) text += "replica " + to_string(node) + "\n";
  return with_crc(std::move(text));
}

Result<Versioned> decode_shard_config(std::string_view text) {
  ASSIGN_OR_RETURN(std::string_view rest, checked(text));
  Versioned value;
  const auto bad = [](std::string_view name) {
    return Error{ErrorCode::kCorrupt, "bad value of \"" + std::string(name) + "\""};
  };
  while (!rest.empty()) {
    const auto name = next_word(rest);
    const auto word = next_word(rest);
    const auto n = number<std::uint64_t>(word);
    if (!n) return bad(name);
    if (name == "format") {
      if (*n != 1)
        return Error{ErrorCode::kUnsupported,
                     "written by a newer release (format " + std::string(word) + ")"};
    } else if (name == "version") {
      value.version = *n;
    } else if (name == "lineage") {
      value.config.lineage = Lineage{static_cast<std::uint32_t>(*n)};
    } else if (name == "epoch") {
      value.config.epoch = Epoch{static_cast<std::uint32_t>(*n)};
    } else if (name == "primary") {
      value.config.primary = NodeId{static_cast<std::uint32_t>(*n)};
    } else if (name == "min_isr") {
      value.config.min_isr = static_cast<std::uint8_t>(*n);
    } else if (name == "isr") {
      const auto disk = uuid(next_word(rest));
      if (!disk) return bad(name);
      value.config.isr.push_back({NodeId{static_cast<std::uint32_t>(*n)}, *disk});
    } else if (name == "replica") {
      value.config.replicas.push_back(NodeId{static_cast<std::uint32_t>(*n)});
    } else {
      return Error{ErrorCode::kUnsupported, "unknown name \"" + std::string(name) + "\""};
    }
  }
  return value;
}

Result<std::unique_ptr<EmbeddedCoordinator>> EmbeddedCoordinator::open(storage::Env& env,
                                                                       const std::string& folder) {
  RETURN_IF_ERROR(env.make_folder(folder));
  std::unique_ptr<EmbeddedCoordinator> coordinator(new EmbeddedCoordinator(env, folder));
  RETURN_IF_ERROR(coordinator->load());
  return coordinator;
}

Result<void> EmbeddedCoordinator::load() {
  const std::string identity = folder_ + "/identity";
  ASSIGN_OR_RETURN(const bool known, env_.exists(identity));
  if (known) {
    ASSIGN_OR_RETURN(const std::string text, storage::read_file(env_, identity, kFileBytesMax));
    const auto lines = checked(text);
    if (!lines) return in_context(identity, lines.error());
    std::string_view rest = *lines;
    if (next_word(rest) == "cluster")
      if (const auto id = uuid(next_word(rest))) cluster_ = *id;
    if (cluster_ == Uuid{}) return Error{ErrorCode::kCorrupt, identity + ": no cluster id in it"};
  } else {
    cluster_ = random_uuid();
    RETURN_IF_ERROR(storage::write_file_atomically(
        env_, identity, as_bytes(with_crc("cluster " + hex(cluster_) + "\n"))));
  }
  ASSIGN_OR_RETURN(const auto names, env_.list(folder_));
  for (const std::string& name : names) {
    if (!name.starts_with("shard-")) continue;
    const auto id = number<std::uint32_t>(std::string_view(name).substr(6));
    if (!id) continue;  // a temporary file of an interrupted write
    const std::string path = folder_ + "/" + name;
    ASSIGN_OR_RETURN(const std::string text, storage::read_file(env_, path, kFileBytesMax));
    auto value = decode_shard_config(text);
    if (!value) return in_context(path, value.error());
    shards_.emplace(ShardId{*id}, *std::move(value));
  }
  return {};
}

Result<void> EmbeddedCoordinator::store(ShardId shard, const Versioned& value) {
  return storage::write_file_atomically(env_, folder_ + "/" + file_name(shard),
                                        as_bytes(encode(value)));
}

Result<std::vector<ShardId>> EmbeddedCoordinator::shards() {
  const std::scoped_lock lock(mutex_);
  std::vector<ShardId> ids;
  for (const auto& [id, value] : shards_) ids.push_back(id);
  return ids;
}

Result<Versioned> EmbeddedCoordinator::get(ShardId shard) {
  const std::scoped_lock lock(mutex_);
  const auto found = shards_.find(shard);
  if (found == shards_.end())
    return Error{ErrorCode::kNotFound, "the coordinator knows no shard " + to_string(shard)};
  return found->second;
}

Result<Versioned> EmbeddedCoordinator::create(ShardId shard, const ShardConfig& config) {
  const std::scoped_lock lock(mutex_);
  if (shards_.contains(shard))
    return Error{ErrorCode::kAlreadyExists, "shard " + to_string(shard) + " is there already"};
  const Versioned value{config, 1};
  RETURN_IF_ERROR(store(shard, value));
  shards_.emplace(shard, value);
  return value;
}

Result<std::uint64_t> EmbeddedCoordinator::compare_and_set(ShardId shard, std::uint64_t version,
                                                           const ShardConfig& config) {
  const std::scoped_lock lock(mutex_);
  const auto found = shards_.find(shard);
  if (found == shards_.end())
    return Error{ErrorCode::kNotFound, "the coordinator knows no shard " + to_string(shard)};
  if (found->second.version != version)
    return Error{ErrorCode::kConflict, "shard " + to_string(shard) + " is at version " +
                                           std::to_string(found->second.version) + ", not " +
                                           std::to_string(version)};
  const Versioned value{config, version + 1};
  RETURN_IF_ERROR(store(shard, value));
  found->second = value;
  return value.version;
}

}  // namespace everpost::cluster
