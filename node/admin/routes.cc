#include "node/admin/routes.h"

#include <boost/json/parse.hpp>
#include <cstring>

namespace everpost::node::admin {
namespace {

using boost::beast::http::verb;

constexpr Route kRoutes[] = {
    {verb::get, "/v1/domains", list_domains},
    {verb::post, "/v1/domains", add_domain},
    {verb::get, "/v1/domains/{}", show_domain},
    {verb::delete_, "/v1/domains/{}", remove_domain},
    {verb::get, "/v1/accounts", list_accounts},
    {verb::post, "/v1/accounts", add_account},
    {verb::get, "/v1/accounts/{}", show_account},
    {verb::patch, "/v1/accounts/{}", change_account},
    {verb::delete_, "/v1/accounts/{}", remove_account},
    {verb::put, "/v1/accounts/{}/password", set_password},
    {verb::get, "/v1/aliases", list_aliases},
    {verb::post, "/v1/aliases", add_alias},
    {verb::get, "/v1/aliases/{}", show_alias},
    {verb::delete_, "/v1/aliases/{}", remove_alias},
    {verb::get, "/v1/settings", list_settings},
    {verb::put, "/v1/settings/{}", set_setting},
    {verb::delete_, "/v1/settings/{}", unset_setting},
    {verb::get, "/v1/cluster", show_cluster},
    {verb::post, "/v1/shards/{}/switch", switch_shard},
    {verb::get, "/v1/shards/{}/events", list_events},
    {verb::get, "/v1/status", show_status},
    {verb::post, "/v1/verify", verify},
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §2.1.
Result<std::string> percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      result += text[at];
      continue;
    }
    const bool complete = at + 2 < text.size();
    const int high = complete ? hex_value(text[at + 1]) : -1;
    const int low = complete ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0)
      return Error{ErrorCode::kInvalidArgument, "a '%' without two hexadecimal digits in the path"};
    result += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  while (true) {
    const std::size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

// What stands for the pattern's names, or nothing if the path does not match.
std::optional<std::vector<std::string_view>> match(std::string_view pattern,
                                                   std::string_view path) {
  const auto want = split(pattern, '/');
  const auto have = split(path, '/');
  if (want.size() != have.size()) return std::nullopt;
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i] == "{}" && !have[i].empty())
      names.push_back(have[i]);
    else if (want[i] != have[i])
      return std::nullopt;
  }
  return names;
}

Result<void> read_query(std::string_view text, Call& call) {
  if (text.empty()) return {};
  for (const std::string_view part : split(text, '&')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      return Error{ErrorCode::kInvalidArgument, "a parameter without '='"};
    ASSIGN_OR_RETURN(call.query[std::string(part.substr(0, equals))],
                     percent_decode(part.substr(equals + 1)));
  }
  return {};
}

Result<void> read_body(std::string& text, Call& call) {
  if (text.empty()) return {};
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  explicit_bzero(text.data(), text.size());  // it may hold a password
  if (error) return Error{ErrorCode::kInvalidArgument, "the body is not JSON: " + error.message()};
  if (!value.is_object())
    return Error{ErrorCode::kInvalidArgument, "the body is not a JSON object"};
  call.body = std::move(value.get_object());
  return {};
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

asio::awaitable<Answer> dispatch(Context& context, verb method, std::string target,
                                 std::string body, std::string actor) {
  const std::size_t question = target.find('?');
  const std::string_view path = std::string_view(target).substr(0, question);
  bool path_known = false;
  for (const Route& route : routes()) {
    const auto names = match(route.pattern, path);
    if (!names) continue;
    path_known = true;
    if (route.verb != method) continue;

    Call call;
    call.actor = std::move(actor);
    for (const std::string_view name : *names) {
      CO_ASSIGN_OR_RETURN(std::string decoded, percent_decode(name));
      call.names.push_back(std::move(decoded));
    }
    if (question != std::string::npos)
      CO_CHECK(read_query(std::string_view(target).substr(question + 1), call));
    CO_CHECK(read_body(body, call));
    co_return co_await route.handler(context, std::move(call));
  }
  if (path_known) co_return Error{ErrorCode::kUnsupported, "this path does not take that method"};
  co_return Refusal{{ErrorCode::kNotFound, "no such path: " + std::string(path)},
                    "the paths are in node/admin/README.md"};
}

}  // namespace everpost::node::admin
