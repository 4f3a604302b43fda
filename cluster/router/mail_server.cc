#include "cluster/router/mail_server.h"

#include "cluster/router/serve_mail.h"

namespace everpost::cluster {

Task<std::string> MailServer::serve(NodeId from, std::string request) {
  Result<Request> decoded = decode_request(request);
  std::string().swap(request);  // bodies were copied: not both while the disk works
  if (!decoded) co_return encode_answer(decoded.error());
  co_return encode_answer(co_await answer(from, *std::move(decoded)));
}

Task<Answer> MailServer::answer(NodeId from, Request request) {
  if (auto* watch = std::get_if<WatchRequest>(&request.what)) {
    CO_ASSIGN_OR_RETURN(Fired fired,
                        co_await watches_.poll(from, request.shard, std::move(*watch)));
    co_return Answer(std::move(fired));
  }
  if (auto* submit = std::get_if<SubmitDirectoryRequest>(&request.what))
    co_return co_await answer_directory(directory_, std::move(*submit));
  co_return co_await answer_mail(mail_, std::move(request));
}

}  // namespace everpost::cluster
