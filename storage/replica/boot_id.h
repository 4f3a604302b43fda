// Which boot of this machine we are in. After another one, what was not synced is lost.
#pragma once

#include "base/ids.h"

namespace everpost::storage {

// The kernel's boot id. Where there is none a random one: as if the machine had just been booted.
Uuid current_boot();

}  // namespace everpost::storage
