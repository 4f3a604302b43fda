// Reads values out of a TOML document and keeps the first complaint, in the form
// "file:line:column: section.key: what is wrong; what to do". After a complaint reading goes on,
// with the values as they were.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everpost::node {

class ConfigDocument;

// One [section]; all keys are optional. Each reader leaves `to` alone when the key is missing.
class ConfigSection {
 public:
  void text(std::string_view key, std::string& to);
  void texts(std::string_view key, std::vector<std::string>& to);  // a string, or an array of them
  void boolean(std::string_view key, bool& to);
  void number(std::string_view key, std::uint64_t& to, std::uint64_t min, std::uint64_t max);
  // A number, or a string with a unit: "50 MiB".
  void bytes(std::string_view key, std::uint64_t& to, std::uint64_t min, std::uint64_t max);

  bool has(std::string_view key) const;
  void fail(std::string_view key, std::string_view what, std::string_view remedy);
  // Complains of a key that nothing above has asked for. Call it last.
  void only_known_keys();

 private:
  friend class ConfigDocument;
  ConfigSection(ConfigDocument& document, std::string name)
      : document_(&document), name_(std::move(name)) {}

  ConfigDocument* document_;
  std::string name_;
  std::vector<std::string> known_;
};

class ConfigDocument {
 public:
  // Errors: kInvalidArgument (not TOML).
  static Result<std::unique_ptr<ConfigDocument>> parse(std::string_view text, std::string file);
  ~ConfigDocument();

  ConfigSection section(std::string name);
  // The first complaint, by its place in the file; also an unknown section.
  Result<void> finish();

 private:
  friend class ConfigSection;
  struct Impl;
  explicit ConfigDocument(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace everpost::node
