// Every request that the admin server knows, and the handlers behind them (one file for each noun).
#pragma once

#include <boost/beast/http/verb.hpp>
#include <span>
#include <string_view>

#include "node/admin/call.h"

namespace everpost::node::admin {

struct Route {
  boost::beast::http::verb verb;
  std::string_view pattern;  // "{}" stands for one name
  Handler handler;
};
std::span<const Route> routes();

// Finds the route for a request's target and runs its handler. Errors: kNotFound (no such path),
// kUnsupported (not with this verb), kInvalidArgument (target or body malformed).
asio::awaitable<Answer> dispatch(Context& context, boost::beast::http::verb verb,
                                 std::string target, std::string body, std::string actor);

asio::awaitable<Answer> list_domains(Context& context, Call call);
asio::awaitable<Answer> add_domain(Context& context, Call call);
asio::awaitable<Answer> show_domain(Context& context, Call call);
asio::awaitable<Answer> remove_domain(Context& context, Call call);

asio::awaitable<Answer> list_accounts(Context& context, Call call);
asio::awaitable<Answer> add_account(Context& context, Call call);
asio::awaitable<Answer> show_account(Context& context, Call call);
asio::awaitable<Answer> change_account(Context& context, Call call);
asio::awaitable<Answer> set_password(Context& context, Call call);
asio::awaitable<Answer> remove_account(Context& context, Call call);

asio::awaitable<Answer> list_aliases(Context& context, Call call);
asio::awaitable<Answer> add_alias(Context& context, Call call);
asio::awaitable<Answer> show_alias(Context& context, Call call);
asio::awaitable<Answer> remove_alias(Context& context, Call call);

asio::awaitable<Answer> list_settings(Context& context, Call call);
asio::awaitable<Answer> set_setting(Context& context, Call call);
asio::awaitable<Answer> unset_setting(Context& context, Call call);

asio::awaitable<Answer> show_cluster(Context& context, Call call);
asio::awaitable<Answer> switch_shard(Context& context, Call call);
asio::awaitable<Answer> list_events(Context& context, Call call);

asio::awaitable<Answer> show_status(Context& context, Call call);
asio::awaitable<Answer> verify(Context& context, Call call);

}  // namespace everpost::node::admin
