// NOOP (RFC 5321 §4.1.1.9): nothing; what follows is ignored.
#include "node/smtp/commands/command.h"

namespace everpost::node::smtp {

Step noop(Session&, std::string_view) { return answer(250, "2.0.0", "Ok"); }

}  // namespace everpost::node::smtp
