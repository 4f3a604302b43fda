// A file of the operating system.
#pragma once

#include <memory>
#include <string>

#include "storage/env/env.h"

namespace everpost::storage {

//   path   for errors
//   fd     of the open file, which closes it
std::unique_ptr<File> make_posix_file(std::string path, int fd, bool uncached = false);

}  // namespace everpost::storage
