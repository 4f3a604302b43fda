#include "node/runtime/config_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <toml++/toml.h>

namespace everpost::node {
namespace {

std::string at(const std::string& file, const toml::source_position& position) {
  if (!position) return file;
  return file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

// "50 MiB" -> 52428800.
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc{}) return {};
  std::string_view unit(end, text.data() + text.size());
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  static constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  for (const auto& [name, shift] : kUnits)
    if (unit == name && number <= (UINT64_MAX >> shift)) return number << shift;
  return {};
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

}  // namespace

struct ConfigDocument::Impl {
  std::string file;
  toml::table table;
  std::vector<std::string> sections;
  // The complaint that is first in the file; one without a place comes last.
  std::optional<std::string> complaint;
  toml::source_position complaint_at;

  const toml::table* find(const std::string& section) const { return table[section].as_table(); }
  const toml::node* find(const std::string& section, std::string_view key) const {
    const toml::table* found = find(section);
    return found ? found->get(key) : nullptr;
  }
  void complain(const toml::source_position& position, std::string text) {
    const bool earlier = !complaint || (position && (!complaint_at || position < complaint_at));
    if (!earlier) return;
    complaint = at(file, position) + ": " + std::move(text);
    complaint_at = position;
  }
};

ConfigDocument::ConfigDocument(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConfigDocument::~ConfigDocument() = default;

Result<std::unique_ptr<ConfigDocument>> ConfigDocument::parse(std::string_view text,
                                                              std::string file) {
  auto impl = std::make_unique<Impl>();
  impl->file = std::move(file);
  try {
    impl->table = toml::parse(text);
  } catch (const toml::parse_error& failure) {
    return Error{ErrorCode::kInvalidArgument,
                 at(impl->file, failure.source().begin) +
                     ": not TOML: " + std::string(failure.description()) + "; see https://toml.io"};
  }
  return std::unique_ptr<ConfigDocument>(new ConfigDocument(std::move(impl)));
}

ConfigSection ConfigDocument::section(std::string name) {
  impl_->sections.push_back(name);
  const toml::node* node = impl_->table.get(name);
  if (node && !node->is_table())
    impl_->complain(node->source().begin, name + ": is not a section; write [" + name + "]");
  return ConfigSection(*this, std::move(name));
}

Result<void> ConfigDocument::finish() {
  for (const auto& [key, node] : impl_->table)
    if (std::ranges::find(impl_->sections, std::string_view(key)) == impl_->sections.end())
      impl_->complain(key.source().begin,
                      std::string(key.str()) +
                          (node.is_table() ? ": unknown section" : ": a key outside the sections") +
                          "; the sections are " + joined(impl_->sections));
  if (impl_->complaint) return Error{ErrorCode::kInvalidArgument, *impl_->complaint};
  return {};
}

void ConfigSection::text(std::string_view key, std::string& to) {
  known_.emplace_back(key);
  const toml::node* node = document_->impl_->find(name_, key);
  if (!node) return;
  if (const auto* value = node->as_string())
    to = value->get();
  else
    fail(key, "is not a string", "put it in quotes: " + std::string(key) + " = \"...\"");
}

void ConfigSection::texts(std::string_view key, std::vector<std::string>& to) {
  known_.emplace_back(key);
  const toml::node* node = document_->impl_->find(name_, key);
  if (!node) return;
  const auto wrong = [&] {
    fail(key, "is neither a string nor an array of strings",
         "write it like \"...\" or [\"...\", \"...\"]");
  };
  if (const auto* value = node->as_string()) {
    to = {value->get()};
  } else if (const auto* array = node->as_array()) {
    std::vector<std::string> values;
    for (const toml::node& element : *array) {
      const auto* value = element.as_string();
      if (!value) return wrong();
      values.push_back(value->get());
    }
    to = std::move(values);
  } else {
    wrong();
  }
}

void ConfigSection::boolean(std::string_view key, bool& to) {
  known_.emplace_back(key);
  const toml::node* node = document_->impl_->find(name_, key);
  if (!node) return;
  if (const auto* value = node->as_boolean())
    to = value->get();
  else
    fail(key, "is not a boolean", "write true or false");
}

void ConfigSection::number(std::string_view key, std::uint64_t& to, std::uint64_t min,
                           std::uint64_t max) {
  known_.emplace_back(key);
  const toml::node* node = document_->impl_->find(name_, key);
  if (!node) return;
  const auto* value = node->as_integer();
  const std::string range =
      "write a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  if (!value) return fail(key, "is not a number", range);
  if (value->get() < 0 || static_cast<std::uint64_t>(value->get()) < min ||
      static_cast<std::uint64_t>(value->get()) > max)
    return fail(key, std::to_string(value->get()) + " is out of range", range);
  to = static_cast<std::uint64_t>(value->get());
}

void ConfigSection::bytes(std::string_view key, std::uint64_t& to, std::uint64_t min,
                          std::uint64_t max) {
  const toml::node* node = document_->impl_->find(name_, key);
  const auto* value = node ? node->as_string() : nullptr;
  if (!value) return number(key, to, min, max);
  known_.emplace_back(key);
  const auto parsed = parse_bytes(value->get());
  if (!parsed)
    return fail(key, "\"" + value->get() + "\" is not a number of bytes",
                "write it like 52428800 or \"50 MiB\"");
  if (*parsed < min || *parsed > max)
    return fail(
        key, "\"" + value->get() + "\" is out of range",
        "from " + std::to_string(min) + " to " + std::to_string(max) + " bytes are possible");
  to = *parsed;
}

bool ConfigSection::has(std::string_view key) const {
  return document_->impl_->find(name_, key) != nullptr;
}

void ConfigSection::fail(std::string_view key, std::string_view what, std::string_view remedy) {
  const toml::node* node = document_->impl_->find(name_, key);
  if (!node) node = document_->impl_->find(name_);
  std::string text = name_;
  if (!key.empty()) text.append(".").append(key);
  text.append(": ").append(what).append("; ").append(remedy);
  document_->impl_->complain(node ? node->source().begin : toml::source_position{},
                             std::move(text));
}

void ConfigSection::only_known_keys() {
  const toml::table* table = document_->impl_->find(name_);
  if (!table) return;
  for (const auto& [key, node] : *table)
    if (std::ranges::find(known_, std::string_view(key)) == known_.end())
      document_->impl_->complain(key.source().begin, name_ + "." + std::string(key.str()) +
                                                         ": unknown key; the keys of [" + name_ +
                                                         "] are " + joined(known_));
}

}  // namespace everpost::node
