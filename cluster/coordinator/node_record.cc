#include "cluster/coordinator/node_record.h"

#include "cluster/coordinator/value_text.h"

namespace everpost::cluster {
namespace {

constexpr std::string_view kFormat = "1";

Error bad_value(std::string_view name) {
  return {ErrorCode::kCorrupt, "bad value of \"" + std::string(name) + "\""};
}

// Takes the first line off, "format 1".
Result<void> take_format(std::string_view& rest) {
  if (next_word(rest) != "format") return bad_value("format");
  const auto format = next_word(rest);
  if (format == kFormat) return {};
  return Error{ErrorCode::kUnsupported,
               "written by a newer release (format " + std::string(format) + ")"};
}

}  // namespace

std::string encode(const NodeRecord& record) {
  std::string text = "format " + std::string(kFormat) + "\nnode " + to_string(record.node) +
                     "\nfeatures " + std::to_string(record.features.min) + " " +
                     std::to_string(record.features.max) + "\n";
  const auto add = [&](const char* name, const std::string& word) {
    if (!word.empty()) text += std::string(name) + " " + word + "\n";
  };
  add("address", record.address);
  add("zone", record.zone);
  add("release", record.release);
  return with_crc(std::move(text));
}

Result<NodeRecord> decode_node_record(std::string_view text) {
  ASSIGN_OR_RETURN(std::string_view rest, checked_lines(text));
  RETURN_IF_ERROR(take_format(rest));
  NodeRecord record;
  while (!rest.empty()) {
    const auto name = next_word(rest);
    const auto word = next_word(rest);
    if (name == "node") {
      const auto id = number_in<std::uint32_t>(word);
      if (!id) return bad_value(name);
      record.node = NodeId{*id};
    } else if (name == "features") {
      const auto min = number_in<std::uint32_t>(word);
      const auto max = number_in<std::uint32_t>(next_word(rest));
      if (!min || !max) return bad_value(name);
      record.features = {*min, *max};
    } else if (name == "address") {
      record.address = word;
    } else if (name == "zone") {
      record.zone = word;
    } else if (name == "release") {
      record.release = word;
    } else {
      return Error{ErrorCode::kUnsupported, "unknown name \"" + std::string(name) + "\""};
    }
  }
  return record;
}

std::string encode_word(std::string_view name, std::string_view word) {
  return with_crc("format " + std::string(kFormat) + "\n" + std::string(name) + " " +
                  std::string(word) + "\n");
}

Result<std::string> decode_word(std::string_view name, std::string_view text) {
  ASSIGN_OR_RETURN(std::string_view rest, checked_lines(text));
  RETURN_IF_ERROR(take_format(rest));
  if (next_word(rest) != name) return bad_value(name);
  const std::string word(next_word(rest));
  if (word.empty() || !rest.empty()) return bad_value(name);
  return word;
}

}  // namespace everpost::cluster
