#include "node/mime/summary.h"

#include "node/mime/input.h"
#include "node/mime/part_fields.h"
#include "node/mime/scanner.h"

namespace everpost::node::mime {

Result<Summary> summarize(std::uint64_t size, const ReadAt& read) {
  Input input(size, read);
  Summary summary = Scanner(input).scan();
  if (input.error()) return in_context("read a message's structure", *input.error());
  return summary;
}

Summary summarize(std::string_view message) {
  Input input(message);
  return Scanner(input).scan();
}

// RFC 3501 §6.4.5: numbers go through multiparts; a message that is no multipart has one part, 1;
// those of a message/rfc822 part name the parts of the message in it.
const Part* find_part(const Summary& summary, std::span<const std::uint32_t> numbers) {
  const Part* part = &summary.root;
  const Part* message = part;  // whose body the next number counts in, if that is no multipart
  for (const std::uint32_t number : numbers) {
    const Part* within = message ? message : part;
    if (is_multipart(*within)) {
      if (number == 0 || number > within->children.size()) return nullptr;
      part = &within->children[number - 1];
    } else if (message && number == 1) {
      part = message;
    } else {
      return nullptr;
    }
    message = is_message(*part) && !part->children.empty() ? &part->children.front() : nullptr;
  }
  return part;
}

}  // namespace everpost::node::mime
