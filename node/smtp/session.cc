#include "node/smtp/session.h"

namespace everpost::node::smtp {

Step answer(int code, std::string_view enhanced, std::string text) {
  Step step;
  append(step.reply, {code, std::string(enhanced), std::move(text)});
  return step;
}

Step client_error(Session& session, int code, std::string_view enhanced, std::string text) {
  ++session.errors;
  return answer(code, enhanced, std::move(text));
}

Step refuse(int code, std::string_view enhanced, std::string text, std::string_view reason) {
  Step step = answer(code, enhanced, std::move(text));
  step.refused = reason;
  return step;
}

}  // namespace everpost::node::smtp
