// A cursor over one command's bytes, with the terminals of RFC 3501 §9. Literals are inline: the
// announcement, its line ending, the bytes ("{3}\r\nabc"), as they came from the client.
//
// The first error sticks: after it every call returns an empty value and takes nothing, so that a
// grammar rule can be written straight down and its outcome looked at once, at the end. A loop that
// goes on while take() succeeds therefore ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "node/imap/syntax/sequence_set.h"
#include "storage/machine/mail_command.h"

namespace everpost::node::imap {

struct LiteralAnnouncement {
  std::uint64_t bytes = 0;
  bool synchronizing = true;  // "{n}"; "{n+}" does not wait for us (RFC 7888)
};
// Does this line (without its ending) announce a literal? Numbers beyond 63 bits come back as that.
std::optional<LiteralAnnouncement> literal_at_end(std::string_view line);

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return !failed_; }
  const std::string& error() const { return error_; }
  bool error_is_no() const { return no_; }
  // The bytes end after a literal's announcement that was to be read: more is needed.
  bool incomplete() const { return incomplete_; }
  void fail(std::string why);    // BAD
  void refuse(std::string why);  // NO; a response code may come first

  // --- single characters and words

  char peek() const { return failed_ || rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c);
  void expect(char c);
  void space() { expect(' '); }
  // Takes `word`, in any case, if no further atom character follows it.
  bool take_word(std::string_view word);
  void end();  // nothing but the line's ending is left

  // --- terminals

  std::string_view tag();
  std::string_view atom();   // 1*ATOM-CHAR
  std::string upper_atom();  // the same, in upper case
  std::string_view name();   // letters, digits, '.' and '-': names of FETCH items and the like
  std::string astring();     // atom, quoted string or literal
  std::string string();      // quoted string or literal
  std::optional<std::string> nstring();
  std::uint32_t number();
  std::uint32_t nz_number();
  std::uint64_t number63();  // mod-sequence-valzer, RFC 7162 §7
  SequenceSet sequence_set();
  std::string mailbox();                                 // to UTF-8, INBOX in upper case
  std::string list_mailbox();                            // a pattern, to UTF-8 if it can be
  storage::Flags flag_list();                            // "(" … ")"
  void flag(storage::Flags& to);                         // \Recent is not the client's to set: BAD
  std::optional<LiteralAnnouncement> message_literal();  // APPEND's, without its bytes

 private:
  std::string quoted();
  std::string literal();
  std::string_view take_while(bool (*accepts)(char));

  std::string_view rest_;
  bool failed_ = false;
  bool no_ = false;
  bool incomplete_ = false;
  std::string error_;
};

// RFC 3501 §9: the characters of an atom, and those of an astring without quotes.
bool is_atom_char(char c);
bool is_astring_char(char c);

}  // namespace everpost::node::imap
