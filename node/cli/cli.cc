#include "node/cli/cli.h"

#include <cstdio>
#include <iostream>

#include "node/cli/http_client.h"
#include "node/runtime/config.h"

namespace everpost::cli {
namespace {

void show_warnings(const json::object& answer) {
  const json::value* warnings = answer.if_contains("warnings");
  if (!warnings || !warnings->is_array()) return;
  for (const json::value& warning : warnings->get_array())
    if (warning.is_string())
      std::cerr << "everpost: note: " << std::string_view(warning.get_string()) << "\n";
}

}  // namespace

Outcome<AdminClient> Cli::client() const {
  if (!socket.empty()) return AdminClient(socket);
  const auto loaded = node::load_config(config);
  if (!loaded)
    return Failure{kUnreachable, std::string(to_string(loaded.error().code)),
                   loaded.error().context,
                   "name the daemon's socket with --socket, or its configuration with --config"};
  return AdminClient(loaded->admin_socket);
}

std::optional<json::object> Cli::ask(int& exit_code, const std::string& method,
                                     const std::string& target, json::object body,
                                     std::chrono::seconds deadline) const {
  exit_code = kOk;
  const auto daemon = client();
  if (!daemon) {
    exit_code = fail(daemon.error());
    return std::nullopt;
  }
  auto answer = daemon->call_now(method, target, std::move(body), deadline);
  if (!answer) {
    exit_code = fail(answer.error());
    return std::nullopt;
  }
  return *std::move(answer);
}

std::optional<json::array> Cli::ask_for_all(int& exit_code, const std::string& noun,
                                            const std::string& domain) const {
  json::array all;
  std::string after;
  do {
    std::string target = "/v1/" + noun + "?after=" + percent_encode(after);
    if (!domain.empty()) target += "&domain=" + percent_encode(domain);
    auto answer = ask(exit_code, "GET", target);
    if (!answer) return std::nullopt;
    if (const json::value* page = answer->if_contains(noun); page && page->is_array())
      all.insert(all.end(), page->get_array().begin(), page->get_array().end());
    after = text(*answer, "next");
  } while (!after.empty());
  return all;
}

int Cli::fail(const Failure& failure) const {
  if (as_json)
    print_json(
        {{"error",
          {{"code", failure.code}, {"message", failure.message}, {"remedy", failure.remedy}}}});
  std::cout.flush();
  std::cerr << "everpost: " << failure.message << "\n";
  if (!failure.remedy.empty()) std::cerr << "  " << failure.remedy << "\n";
  return failure.exit_code;
}

int Cli::done(const json::object& answer, const std::string& sentence) const {
  if (as_json) {
    print_json(answer);
  } else {
    std::cout << sentence << "\n";
    show_warnings(answer);
  }
  return kOk;
}

void Cli::print_json(const json::value& value) const {
  std::cout << json::serialize(value) << "\n";
}

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return "";
  return std::string(value->get_string().data(), value->get_string().size());
}

std::uint64_t number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : 0;
}

bool flag(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

}  // namespace everpost::cli
