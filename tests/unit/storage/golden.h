// Files of tests/golden: bytes that an earlier version wrote, and that stay readable.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace everpost::storage {

// The file's contents. EVERPOST_WRITE_GOLDEN=<folder> writes `bytes` to <folder>/<name> first: for
// a new version of a format, beside the old one's file.
inline std::string golden(const std::string& name, const std::string& bytes) {
  if (const char* folder = std::getenv("EVERPOST_WRITE_GOLDEN"))
    std::ofstream(std::string(folder) + "/" + name, std::ios::binary) << bytes;
  std::ostringstream contents;
  contents << std::ifstream(std::string(EVERPOST_GOLDEN "/") + name, std::ios::binary).rdbuf();
  return contents.str();
}

}  // namespace everpost::storage
