// Messages of a given size, each with a Message-ID of its own and contents like mail's: headers,
// text in lines of 76 characters. Cheap to make, so that the generator is not what is measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace everpost::load {

class MessageSource {
 public:
  // `run` tells this run's Message-IDs from those of other runs.
  MessageSource(std::uint64_t size, std::uint64_t run);

  // The next message, CRLF lines without a leading dot anywhere. Valid until the next call.
  std::string_view next();
  // "<…@load.invalid>" of the message that next() gave last.
  std::string_view message_id() const;

 private:
  const std::uint64_t run_;
  std::uint64_t number_ = 0;
  std::string message_;
  std::size_t id_at_ = 0, id_bytes_ = 0, variable_at_ = 0;
};

}  // namespace everpost::load
