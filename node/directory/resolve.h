// Where mail for an address goes, decided on one state of the directory. Blocks on the reader.
#pragma once

#include "node/directory/directory.h"
#include "storage/machine/directory_reader.h"

namespace everpost::node {

inline constexpr int kAliasLevelsMax = 10;
inline constexpr std::size_t kAliasAddressesMax = 10'000;

// Errors: kLimit (an alias of too many levels or addresses), kCorrupt, kIo.
Result<Resolution> resolve_on(const storage::DirectoryReader& reader, const Address& recipient);

}  // namespace everpost::node
