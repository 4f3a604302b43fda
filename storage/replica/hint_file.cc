#include "storage/replica/hint_file.h"

#include <array>

#include "base/crc32c.h"

namespace everpost::storage {

Result<std::unique_ptr<HintFile>> HintFile::open(Env& env, const std::string& path) {
  ASSIGN_OR_RETURN(auto file, env.open(path, Env::Open::kCreate));
  std::array<std::byte, kBytes> bytes{};
  ASSIGN_OR_RETURN(const std::size_t got, file->read(0, bytes));
  Value found;
  if (got == kBytes && crc32c(Bytes(bytes).first(16)) == load_le<std::uint32_t>(bytes.data() + 16))
    found = {Lsn{load_le<std::uint64_t>(bytes.data())}, Lsn{load_le<std::uint64_t>(&bytes[8])}};
  return std::unique_ptr<HintFile>(new HintFile(std::move(file), found));
}

Result<void> HintFile::write(const Value& value) {
  std::array<std::byte, kBytes> bytes{};
  store_le(&bytes[0], value.first.value);
  store_le(&bytes[8], value.second.value);
  store_le(&bytes[16], crc32c(Bytes(bytes).first(16)));
  return file_->write(0, Bytes(bytes));
}

}  // namespace everpost::storage
