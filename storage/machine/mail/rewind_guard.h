// What a REWIND_GUARD record does: the shard's history was cut (an operator restored an older
// copy), and clients may have seen UIDs and modseqs of the part that is gone.
#pragma once

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

Result<void> rewind_guard(Context& context);

}  // namespace everpost::storage::mail
