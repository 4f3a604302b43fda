// /v1/settings: what is set for the whole cluster, by name.
#include "node/admin/routes.h"

namespace everpost::node::admin {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kValueBytesMax = 4096;

Result<void> check_name(const std::string& name) {
  bool good = !name.empty() && name.size() <= kNameBytesMax;
  for (const char c : name)
    good = good &&
           ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_');
  if (!good)
    return Error{ErrorCode::kInvalidArgument,
                 "a setting's name has up to 64 of a-z, 0-9, '.', '-' and '_'"};
  return {};
}

asio::awaitable<Answer> change(Context& context, Call call, std::optional<std::string> value) {
  const std::string name = call.names[0];
  CO_CHECK(check_name(name));
  CO_CHECK(co_await change_directory(context, call.actor, {storage::SetSetting{name, value}}));
  json::object result;
  result["name"] = name;
  if (value) result["value"] = *value;
  co_return result;
}

}  // namespace

asio::awaitable<Answer> list_settings(Context& context, Call) {
  using Settings = std::map<std::string, std::string>;
  std::function<Result<Settings>(const storage::DirectoryReader&)> query =
      [](const storage::DirectoryReader& reader) { return reader.settings(); };
  CO_ASSIGN_OR_RETURN(const Settings settings,
                      co_await context.directory().read<Settings>(std::move(query)));
  json::object result;
  json::object& values = result["settings"].emplace_object();
  for (const auto& [name, value] : settings) values[name] = value;
  co_return result;
}

asio::awaitable<Answer> set_setting(Context& context, Call call) {
  const Fields fields(call.body);
  CO_CHECK(fields.only({"value"}));
  CO_ASSIGN_OR_RETURN(std::string value, fields.text("value"));
  if (value.size() > kValueBytesMax)
    co_return Error{ErrorCode::kTooLarge, "a setting's value has up to 4096 bytes"};
  co_return co_await change(context, std::move(call), std::move(value));
}

asio::awaitable<Answer> unset_setting(Context& context, Call call) {
  co_return co_await change(context, std::move(call), std::nullopt);
}

}  // namespace everpost::node::admin
