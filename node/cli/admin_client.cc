#include "node/cli/admin_client.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "node/cli/exit_code.h"
#include "node/cli/http_client.h"

namespace everpost::cli {
namespace {

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return "";
  return std::string(value->get_string().data(), value->get_string().size());
}

Failure unreachable(const Error& error) {
  Failure failure{kUnreachable, std::string(to_string(error.code)), error.context, ""};
  switch (error.code) {
    case ErrorCode::kPermissionDenied:
      failure.remedy = "run it as root, or as a member of the group that the socket belongs to";
      break;
    case ErrorCode::kTimeout:
      failure.remedy = "the daemon is there but does not answer: look into its log";
      break;
    default:
      failure.remedy =
          "is everpostd running? (systemctl status everpost) If it is, name its socket with "
          "--socket or its configuration with --config";
  }
  return failure;
}

Outcome<json::object> take_apart(HttpReply reply) {
  boost::system::error_code error;
  json::value value = json::parse(reply.body, error);
  if (error || !value.is_object())
    return Failure{kUnreachable, "internal", "what answers at the socket is not everpostd",
                   "name the right socket with --socket"};
  json::object& object = value.get_object();
  if (reply.status < 400) return std::move(object);
  Failure failure{kRefused, "internal", "HTTP status " + std::to_string(reply.status), ""};
  if (const json::value* details = object.if_contains("error"); details && details->is_object()) {
    failure.code = text(details->get_object(), "code");
    failure.message = text(details->get_object(), "message");
    failure.remedy = text(details->get_object(), "remedy");
  }
  return failure;
}

}  // namespace

asio::awaitable<Outcome<json::object>> AdminClient::call(std::string method, std::string target,
                                                         json::object body,
                                                         std::chrono::seconds deadline) const {
  HttpRequest request{std::move(method), std::move(target), ""};
  if (!body.empty()) request.body = json::serialize(body);
  auto reply = co_await http_over_socket(socket_, std::move(request), deadline);
  if (!reply) co_return unreachable(reply.error());
  co_return take_apart(*std::move(reply));
}

Outcome<json::object> AdminClient::call_now(std::string method, std::string target,
                                            json::object body,
                                            std::chrono::seconds deadline) const {
  asio::io_context context;
  std::optional<Outcome<json::object>> outcome;
  asio::co_spawn(context, call(std::move(method), std::move(target), std::move(body), deadline),
                 [&outcome](std::exception_ptr error, Outcome<json::object> value) {
                   if (error) std::rethrow_exception(error);
                   outcome.emplace(std::move(value));
                 });
  context.run();
  return *std::move(outcome);
}

}  // namespace everpost::cli
