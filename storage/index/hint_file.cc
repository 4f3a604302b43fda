#include "storage/index/hint_file.h"

#include <array>

#include "base/crc32c.h"

namespace everpost::storage {

Result<std::unique_ptr<HintFile>> HintFile::open(Env& env, const std::string& path) {
  ASSIGN_OR_RETURN(auto file, env.open(path, Env::Open::kCreate));
  std::array<std::byte, kBytes> bytes{};
  ASSIGN_OR_RETURN(const std::size_t got, file->read(0, bytes));
  std::unique_ptr<HintFile> hint(new HintFile(std::move(file)));
  if (got == kBytes && crc32c(Bytes(bytes).first(16)) == load_le<std::uint32_t>(&bytes[16]))
    hint->found_ = {load_le<std::uint64_t>(&bytes[0]), load_le<std::uint64_t>(&bytes[8])};
  else
    hint->damaged_ = got > 0;
  return hint;
}

Result<void> HintFile::write(const Value& value) {
  std::array<std::byte, kBytes> bytes{};
  store_le(&bytes[0], value.first);
  store_le(&bytes[8], value.second);
  store_le(&bytes[16], crc32c(Bytes(bytes).first(16)));
  return file_->rewrite(bytes);
}

}  // namespace everpost::storage
