#include "node/imap/commands/table.h"

#include <array>
#include <type_traits>

namespace everpost::node::imap {
namespace {

template <class Arguments, Task<Reply> (*run)(Session&, Arguments)>
Task<Reply> erased(Session& session, CommandArguments arguments) {
  return run(session, std::get<Arguments>(std::move(arguments)));
}

enum class When { kAlways, kBeforeLogin, kAfterLogin, kSelected };

template <class Arguments, class... Alternatives>
constexpr std::size_t index_in(std::type_identity<std::variant<Alternatives...>>) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<Arguments, Alternatives> ? false : (++index, true)) && ...));
  return index;
}

struct Row {
  std::size_t index;  // of its arguments in CommandArguments
  CommandInfo info;
};

template <class Arguments, Task<Reply> (*run)(Session&, Arguments)>
constexpr Row row(std::string_view name, When when, Expunges expunges = Expunges::kWhenWaiting,
                  Expunges uid_expunges = Expunges::kWhenWaiting) {
  return {index_in<Arguments>(std::type_identity<CommandArguments>{}),
          {name, when == When::kAlways || when == When::kBeforeLogin, when != When::kBeforeLogin,
           when == When::kSelected, expunges, uid_expunges, erased<Arguments, run>}};
}

// In the order of CommandArguments, which is checked below.
using enum When;
constexpr std::array<Row, std::variant_size_v<CommandArguments>> kCommands = {
    row<CapabilityCommand, run_capability>("CAPABILITY", kAlways),
    row<NoopCommand, run_noop>("NOOP", kAlways, Expunges::kAlways),
    row<LogoutCommand, run_logout>("LOGOUT", kAlways, Expunges::kNever),
    row<IdCommand, run_id>("ID", kAlways),
    row<StartTlsCommand, run_starttls>("STARTTLS", kBeforeLogin),
    row<AuthenticateCommand, run_authenticate>("AUTHENTICATE", kBeforeLogin),
    row<LoginCommand, run_login>("LOGIN", kBeforeLogin),
    row<EnableCommand, run_enable>("ENABLE", kAfterLogin),
    row<SelectCommand, run_select>("SELECT", kAfterLogin),
    row<CreateCommand, run_create>("CREATE", kAfterLogin),
    row<DeleteCommand, run_delete>("DELETE", kAfterLogin),
    row<RenameCommand, run_rename>("RENAME", kAfterLogin),
    row<SubscribeCommand, run_subscribe>("SUBSCRIBE", kAfterLogin),
    row<NamespaceCommand, run_namespace>("NAMESPACE", kAfterLogin),
    row<StatusCommand, run_status>("STATUS", kAfterLogin),
    row<ListCommand, run_list>("LIST", kAfterLogin),
    row<LsubCommand, run_lsub>("LSUB", kAfterLogin),
    row<AppendCommand, run_append>("APPEND", kAfterLogin),
    row<IdleCommand, run_idle>("IDLE", kAfterLogin, Expunges::kAlways),
    row<CheckCommand, run_check>("CHECK", kSelected, Expunges::kAlways),
    row<CloseCommand, run_close>("CLOSE", kSelected),
    row<UnselectCommand, run_unselect>("UNSELECT", kSelected),
    row<ExpungeCommand, run_expunge>("EXPUNGE", kSelected, Expunges::kAlways, Expunges::kAlways),
    row<SearchCommand, run_search>("SEARCH", kSelected, Expunges::kNever),
    row<FetchCommand, run_fetch>("FETCH", kSelected, Expunges::kNever),
    row<StoreCommand, run_store>("STORE", kSelected, Expunges::kNever),
    // MOVE is CopyCommand, too: run_copy tells its expunges itself.
    row<CopyCommand, run_copy>("COPY", kSelected, Expunges::kNever),
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kCommands.size(); ++i)
    if (kCommands[i].index != i) return false;
  return true;
}
static_assert(in_order());

}  // namespace

const CommandInfo& info_of(const CommandArguments& arguments) {
  return kCommands[arguments.index()].info;
}

bool allowed(const CommandInfo& info, State state) {
  switch (state) {
    case State::kNotAuthenticated:
      return info.before_login;
    case State::kAuthenticated:
      return info.after_login && !info.selected_only;
    case State::kSelected:
      return info.after_login;
  }
  return false;
}

std::string_view name_of(const CommandArguments& arguments) {
  const auto* copy = std::get_if<CopyCommand>(&arguments);
  return copy && copy->move ? "MOVE" : info_of(arguments).name;
}

Expunges expunges_of(const CommandArguments& arguments) {
  const CommandInfo& info = info_of(arguments);
  const bool uid = std::visit(
      []<class Arguments>(const Arguments& command) {
        if constexpr (requires {
                        { command.uid } -> std::convertible_to<bool>;
                      })
          return command.uid;
        else
          return false;
      },
      arguments);
  return uid ? info.uid_expunges : info.expunges;
}

}  // namespace everpost::node::imap
