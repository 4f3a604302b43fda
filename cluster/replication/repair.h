// A bad record in the middle of the log (H27) is never taken for its end: the copy takes part in
// nothing until it has got the missing bytes from another one.
#pragma once

#include "cluster/replication/context.h"

namespace everpost::cluster::replication {

void continue_repair(Context& c);
void on(Context& c, const Message& from, const FetchRange& request);
void on(Context& c, const Message& from, const Range& range);
void on(Context& c, const Mended& event);

}  // namespace everpost::cluster::replication
