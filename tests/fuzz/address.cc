// Addresses from outside: whatever comes, an address that is accepted has one form, which is
// accepted again and stays the same.
#include "node/directory/address.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/invariant.h"

using namespace everpost::node;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = parse_address(text);
  if (!address) return 0;
  INVARIANT(address->text().find_first_of("\r\n") == std::string::npos, "fits into one line");
  const auto again = parse_address(address->text());
  INVARIANT(again && *again == *address, "the normal form is its own normal form");
  INVARIANT(domain_to_ascii(address->domain).has_value(), "a domain has an ASCII form");
  const Subaddress parts = split_subaddress(address->local);
  const auto user = parse_address(Address{parts.user, address->domain}.text());
  // Cut out of its quotes and quoted again it may have two bytes too many.
  if (parts.user.size() <= 64)
    INVARIANT(user && user->local == parts.user, "what is before the '+' is a local part");
  return 0;
}
