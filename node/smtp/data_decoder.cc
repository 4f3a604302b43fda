#include "node/smtp/data_decoder.h"

#include <cstring>

#include "node/smtp/limits.h"

namespace everpost::node::smtp {
namespace {

constexpr char kCr[] = "\r";

const char* find(const char* from, const char* end, char c) {
  return from == end
             ? nullptr
             : static_cast<const char*>(std::memchr(from, c, static_cast<std::size_t>(end - from)));
}

// Copies stretches of the input, unless there is nowhere to.
class Output {
 public:
  explicit Output(char* to) : to_(to) {}
  void write(const char* from, const char* end) {
    const auto bytes = static_cast<std::size_t>(end - from);
    if (to_ && bytes > 0) std::memcpy(to_ + produced_, from, bytes);
    produced_ += bytes;
  }
  std::size_t produced() const { return produced_; }

 private:
  char* to_;
  std::size_t produced_ = 0;
};

}  // namespace

DataDecoder::Piece DataDecoder::decode(std::string_view input, char* to) {
  const char* at = input.data();
  const char* const end = at + input.size();
  const bool dots = framing_ == Framing::kDots;
  Output output(to);

  while (at < end) {
    // What the last byte before this one leaves open.
    switch (at_) {
      case At::kDot:
        if (*at == '\r') {
          at_ = At::kDotCr;
          ++at;
          continue;
        }
        at_ = At::kInLine;  // RFC 5321 §4.5.2: the first dot is not part of the line
        break;
      case At::kDotCr:
        if (*at == '\n')
          return {static_cast<std::size_t>(at + 1 - input.data()), output.produced(), true};
        // The line goes on behind a CR that ends nothing.
        note(DataFault::kBareCr);
        output.write(kCr, kCr + 1);
        at_ = At::kInLine;
        break;
      case At::kCr:
        if (*at == '\n') {
          output.write(at, at + 1);
          ++at;
          at_ = At::kLineStart;
          line_bytes_ = 0;
          continue;
        }
        note(DataFault::kBareCr);
        at_ = At::kInLine;
        break;
      case At::kLineStart:
        if (dots && *at == '.') {
          at_ = At::kDot;
          ++at;
          continue;
        }
        break;
      case At::kInLine:
        break;
    }

    // Whole lines, up to one that starts with a dot, in one copy.
    const char* const run = at;
    at_ = At::kInLine;
    while (const char* newline = find(at, end, '\n')) {
      if (newline == at || newline[-1] != '\r') {
        note(DataFault::kBareLf);
        if (find(at, newline, '\r')) note(DataFault::kBareCr);
        line_bytes_ += static_cast<std::size_t>(newline + 1 - at);
        at = newline + 1;
        continue;
      }
      if (find(at, newline - 1, '\r')) note(DataFault::kBareCr);
      line_bytes_ += static_cast<std::size_t>(newline + 1 - at);
      if (line_bytes_ > kTextLineBytes) note(DataFault::kLongLine);
      line_bytes_ = 0;
      at = newline + 1;
      at_ = At::kLineStart;
      if (at == end || (dots && *at == '.')) break;
      at_ = At::kInLine;
    }
    if (at < end && at_ == At::kInLine) {  // the rest has no line end
      const char* const cr = find(at, end, '\r');
      if (cr && cr != end - 1) note(DataFault::kBareCr);
      if (end[-1] == '\r') at_ = At::kCr;
      line_bytes_ += static_cast<std::size_t>(end - at);
      if (line_bytes_ > kTextLineBytes) note(DataFault::kLongLine);
      at = end;
    }
    output.write(run, at);
  }
  return {input.size(), output.produced(), false};
}

void DataDecoder::finish() {
  if (at_ == At::kCr) note(DataFault::kBareCr);
}

}  // namespace everpost::node::smtp
