#include "cluster/coordinator/shard_value.h"

#include "base/bytes.h"
#include "cluster/coordinator/value_text.h"

namespace everpost::cluster {
namespace {

constexpr std::uint64_t kFormat = 2;  // 1 had no nonce and no accept_loss

// One line's value: its first word as a number, and what is left of the text.
Result<void> take(ShardConfig& config, std::string_view name, std::uint64_t n,
                  std::string_view& rest) {
  const auto node = NodeId{static_cast<std::uint32_t>(n)};
  const auto bad = [&] {
    return Error{ErrorCode::kCorrupt, "bad value of \"" + std::string(name) + "\""};
  };
  if (name == "lineage") {
    config.lineage = Lineage{static_cast<std::uint32_t>(n)};
  } else if (name == "epoch") {
    config.epoch = Epoch{static_cast<std::uint32_t>(n)};
  } else if (name == "primary") {
    config.primary = node;
  } else if (name == "min_isr") {
    config.min_isr = static_cast<std::uint8_t>(n);
  } else if (name == "accept_loss") {
    config.accept_loss = n != 0;
  } else if (name == "nonce") {
    const auto incarnation = number_in<std::uint64_t>(next_word(rest), 16);
    const auto counter = number_in<std::uint32_t>(next_word(rest));
    if (!incarnation || !counter) return bad();
    config.nonce = {node, Incarnation{*incarnation}, *counter};
  } else if (name == "isr") {
    const auto disk = uuid_in(next_word(rest));
    if (!disk) return bad();
    config.isr.push_back({node, *disk});
  } else if (name == "replica") {
    config.replicas.push_back(node);
  } else {
    return Error{ErrorCode::kUnsupported, "unknown name \"" + std::string(name) + "\""};
  }
  return {};
}

}  // namespace

std::string encode(const Versioned& value) {
  const ShardConfig& config = value.config;
  std::string text = "format " + std::to_string(kFormat) + "\n";
  if (value.version != 0) text += "version " + std::to_string(value.version) + "\n";
  text += "lineage " + to_string(config.lineage) + "\nepoch " + to_string(config.epoch) +
          "\nprimary " + to_string(config.primary) + "\nmin_isr " + std::to_string(config.min_isr) +
          "\naccept_loss " + (config.accept_loss ? "1" : "0") + "\nnonce " +
          to_string(config.nonce.node) + " " + hex(config.nonce.incarnation.value) + " " +
          std::to_string(config.nonce.counter) + "\n";
  for (const CopyId& copy : config.isr)
    text += "isr " + to_string(copy.node) + " " + hex(copy.disk) + "\n";
  for (const NodeId node : config.replicas) text += "replica " + to_string(node) + "\n";
  return with_crc(std::move(text));
}

Result<Versioned> decode_shard_config(std::string_view text) {
  ASSIGN_OR_RETURN(std::string_view rest, checked_lines(text));
  Versioned value;
  while (!rest.empty()) {
    const auto name = next_word(rest);
    const auto word = next_word(rest);
    const auto n = number_in<std::uint64_t>(word);
    if (!n) return Error{ErrorCode::kCorrupt, "bad value of \"" + std::string(name) + "\""};
    if (name == "format") {
      if (*n == 0 || *n > kFormat)
        return Error{ErrorCode::kUnsupported,
                     "written by a newer release (format " + std::string(word) + ")"};
    } else if (name == "version") {
      value.version = *n;
    } else {
      RETURN_IF_ERROR(take(value.config, name, *n, rest));
    }
  }
  return value;
}

}  // namespace everpost::cluster
