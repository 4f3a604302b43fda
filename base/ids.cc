#include "base/ids.h"

#include "base/bytes.h"

namespace everpost {

std::string to_string(const OpId& id) {
  return std::to_string(id.hour) + "-" + std::to_string(id.frontend) + "-" + hex(id.random);
}

std::string to_string(const Guid& guid) { return hex(guid); }

}  // namespace everpost
