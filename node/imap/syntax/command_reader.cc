#include "node/imap/syntax/command_reader.h"

#include <algorithm>

#include "node/imap/syntax/parse.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kKeptCapacity = 1024;   // of an idle session
constexpr std::size_t kTagMax = 256;          // as far as a refusal looks for it
constexpr std::size_t kAnnouncementMax = 32;  // "{9223372036854775807+}\r\n" fits

std::string_view without_ending(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

CommandReader::Event CommandReader::feed(std::string_view input, std::size_t& taken) {
  taken = 0;
  while (taken < input.size()) {
    const std::string_view rest = input.substr(taken);
    std::optional<Event> event;
    if (mode_ == Mode::kLiteral || mode_ == Mode::kSkipLiteral) {
      const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(literal_, rest.size()));
      if (mode_ == Mode::kLiteral) bytes_ += rest.substr(0, bytes);
      taken += bytes;
      literal_ -= bytes;
      if (literal_ > 0) break;
      mode_ = mode_ == Mode::kLiteral ? Mode::kLine : Mode::kSkipLine;
      line_start_ = bytes_.size();
    } else {
      const std::size_t newline = rest.find('\n');
      const bool ends = newline != std::string_view::npos;
      const std::string_view chunk = ends ? rest.substr(0, newline + 1) : rest;
      taken += chunk.size();
      event = take_line(chunk, ends);
    }
    if (event) return *std::move(event);
  }
  return NeedInput{};
}

std::optional<CommandReader::Event> CommandReader::take_line(std::string_view chunk, bool ends) {
  if (mode_ == Mode::kLine) {
    if (bytes_.size() - line_start_ + chunk.size() <= limits_.line_bytes &&
        bytes_.size() + chunk.size() <= limits_.command_bytes) {
      bytes_ += chunk;
      return ends ? line_done() : std::nullopt;
    }
    std::string beginning = bytes_;
    beginning += chunk.substr(0, kTagMax);  // it may hold the tag
    refusal_ = SyntaxError{tag_of(beginning), false, "[TOOBIG] the line is too long"};
    bytes_ = bytes_.substr(line_start_);
    mode_ = Mode::kSkipLine;
  }
  skipped_ += chunk.size();
  if (skipped_ > limits_.skip_bytes) return GiveUp{};
  // Only the line's end matters: does it announce a literal?
  bytes_ += chunk.substr(chunk.size() - std::min(chunk.size(), kAnnouncementMax));
  if (bytes_.size() > kAnnouncementMax) bytes_.erase(0, bytes_.size() - kAnnouncementMax);
  return ends ? skipped_line_done() : std::nullopt;
}

std::optional<CommandReader::Event> CommandReader::line_done() {
  const auto literal = literal_at_end(without_ending(std::string_view(bytes_).substr(line_start_)));
  if (!literal) {
    if (without_ending(bytes_).empty()) {  // an empty line between commands
      reset();
      return std::nullopt;
    }
    auto command = parse_command(bytes_);
    reset();
    if (!command) return std::move(command).error();
    return *std::move(command);
  }

  if (AppendPrefix append = parse_append(bytes_); append.kind != AppendPrefix::Kind::kNotAppend) {
    if (append.kind == AppendPrefix::Kind::kMessage) {
      reset();
      return Message{std::move(append.command)};
    }
    refusal_ = std::move(append.error);
  } else if (literal->bytes > limits_.command_bytes - bytes_.size() ||
             ++literals_ > limits_.literals) {
    refusal_ = SyntaxError{tag_of(bytes_), true, "[TOOBIG] too many or too large literals"};
  }
  if (refusal_) {
    if (literal->synchronizing) return refuse(*std::move(refusal_));
    return skip_literal(literal->bytes);
  }
  literal_ = literal->bytes;
  line_start_ = bytes_.size();
  if (literal_ > 0) mode_ = Mode::kLiteral;
  if (literal->synchronizing) return Continue{};
  return std::nullopt;
}

std::optional<CommandReader::Event> CommandReader::skipped_line_done() {
  const auto literal = literal_at_end(without_ending(bytes_));
  if (literal && !literal->synchronizing) return skip_literal(literal->bytes);
  return refuse(*std::move(refusal_));
}

CommandReader::Event CommandReader::refuse(SyntaxError error) {
  reset();
  return error;
}

std::optional<CommandReader::Event> CommandReader::skip_literal(std::uint64_t bytes) {
  if (bytes > limits_.skip_bytes - skipped_) return GiveUp{};
  skipped_ += bytes;
  literal_ = bytes;
  bytes_.clear();
  line_start_ = 0;
  mode_ = bytes > 0 ? Mode::kSkipLiteral : Mode::kSkipLine;
  return std::nullopt;
}

void CommandReader::reset() {
  bytes_.clear();
  if (bytes_.capacity() > kKeptCapacity) std::string().swap(bytes_);
  mode_ = Mode::kLine;
  line_start_ = 0;
  literal_ = 0;
  literals_ = 0;
  skipped_ = 0;
  refusal_.reset();
}

}  // namespace everpost::node::imap
