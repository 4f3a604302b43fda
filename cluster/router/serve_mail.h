// The primary's side of what nodes ask of each other (mail_wire.h).
#pragma once

#include <string>

#include "base/asio.h"
#include "cluster/directory_store.h"
#include "cluster/mail_store.h"
#include "cluster/router/mail_wire.h"

namespace everpost::cluster {

// Does what `request` asks for with this node's own store, which outlives the call. Lists are cut
// into pages. Watches (watch_server.h) and the directory are not for it: kUnsupported.
Task<Answer> answer_mail(MailStore& mail, Request request);
Task<Answer> answer_directory(DirectoryStore& directory, SubmitDirectoryRequest request);

// The same from bytes to bytes; errors are in the answer, never in the Result.
Task<std::string> serve_mail(MailStore& mail, std::string request);

}  // namespace everpost::cluster
