#include "storage/machine/directory_command.h"

#include "base/capnp.h"
#include "storage/machine/directory_command.capnp.h"

namespace everpost::storage {
namespace {

using Limits = DirectoryLimits;

// ---- to the wire

capnp::Text::Reader text(const std::string& from) { return {from.c_str(), from.size()}; }
capnp::Data::Reader data(const std::string& from) {
  return {reinterpret_cast<const kj::byte*>(from.data()), from.size()};
}

void write(const Credentials& from, schema::Credentials::Builder to) {
  to.setArgon2id(text(from.argon2id));
  to.setScramIterations(from.scram_iterations);
  to.setScramSalt(data(from.scram_salt));
  to.setScramStoredKey(data(from.scram_stored_key));
  to.setScramServerKey(data(from.scram_server_key));
}

struct WriteCommand {
  schema::DirectoryCommand::Builder to;

  void operator()(const AddDomain& c) { to.setAddDomain(text(c.name)); }
  void operator()(const RemoveDomain& c) { to.setRemoveDomain(text(c.name)); }
  void operator()(const AddAccount& c) {
    auto add = to.initAddAccount();
    add.setAddress(text(c.address));
    add.setDisplayName(text(c.display_name));
    add.setShard(c.shard.value);
    add.setQuotaBytes(c.quota_bytes);
    write(c.credentials, add.initCredentials());
  }
  void operator()(const RemoveAccount& c) { to.setRemoveAccount(text(c.address)); }
  void operator()(const UpdateAccount& c) {
    auto update = to.initUpdateAccount();
    update.setAddress(text(c.address));
    if (c.display_name) update.getDisplayName().setSet(text(*c.display_name));
    if (c.quota_bytes) update.getQuotaBytes().setSet(*c.quota_bytes);
    if (c.enabled) update.getEnabled().setSet(*c.enabled);
    if (c.credentials) write(*c.credentials, update.getCredentials().initSet());
  }
  void operator()(const AddAlias& c) {
    auto add = to.initAddAlias();
    add.setAddress(text(c.address));
    auto targets = add.initTargets(static_cast<unsigned>(c.targets.size()));
    for (unsigned i = 0; i < targets.size(); ++i) targets.set(i, text(c.targets[i]));
  }
  void operator()(const RemoveAlias& c) { to.setRemoveAlias(text(c.address)); }
  void operator()(const SetSetting& c) {
    auto set = to.initSetSetting();
    set.setName(text(c.name));
    if (c.value) set.getValue().setSet(text(*c.value));
  }
  void operator()(const ExpireOps& c) { to.setExpireOps(c.ops_before); }
};

// ---- from the wire

Error too_large(const char* what, std::size_t max) {
  return Error{ErrorCode::kLimit,
               std::string("directory command: ") + what + ": at most " + std::to_string(max)};
}

Result<std::string> read(capnp::Text::Reader from, const char* what, std::size_t bytes_max) {
  if (from.size() > bytes_max) return too_large(what, bytes_max);
  return std::string(from.begin(), from.size());
}
Result<std::string> read(capnp::Data::Reader from, const char* what, std::size_t bytes_max) {
  if (from.size() > bytes_max) return too_large(what, bytes_max);
  return std::string(from.asChars().begin(), from.size());
}
Result<std::string> read_address(capnp::Text::Reader from) {
  return read(from, "bytes of an address", Limits::address_bytes);
}
Result<std::string> read_domain(capnp::Text::Reader from) {
  return read(from, "bytes of a domain", Limits::domain_bytes);
}
Result<std::string> read_display_name(capnp::Text::Reader from) {
  return read(from, "bytes of a display name", Limits::display_name_bytes);
}

Result<Credentials> read_credentials(schema::Credentials::Reader from) {
  constexpr const char* kWhat = "bytes of a credential";
  Credentials to;
  ASSIGN_OR_RETURN(to.argon2id, read(from.getArgon2id(), kWhat, Limits::credential_bytes));
  to.scram_iterations = from.getScramIterations();
  ASSIGN_OR_RETURN(to.scram_salt, read(from.getScramSalt(), kWhat, Limits::credential_bytes));
  ASSIGN_OR_RETURN(to.scram_stored_key,
                   read(from.getScramStoredKey(), kWhat, Limits::credential_bytes));
  ASSIGN_OR_RETURN(to.scram_server_key,
                   read(from.getScramServerKey(), kWhat, Limits::credential_bytes));
  return to;
}

Result<DirectoryCommand> read_add_account(schema::AddAccount::Reader from) {
  AddAccount to;
  ASSIGN_OR_RETURN(to.address, read_address(from.getAddress()));
  ASSIGN_OR_RETURN(to.display_name, read_display_name(from.getDisplayName()));
  to.shard = ShardId{from.getShard()};
  to.quota_bytes = from.getQuotaBytes();
  ASSIGN_OR_RETURN(to.credentials, read_credentials(from.getCredentials()));
  return to;
}

Result<DirectoryCommand> read_update_account(schema::UpdateAccount::Reader from) {
  UpdateAccount to;
  ASSIGN_OR_RETURN(to.address, read_address(from.getAddress()));
  if (from.getDisplayName().isSet()) {
    ASSIGN_OR_RETURN(to.display_name, read_display_name(from.getDisplayName().getSet()));
  }
  if (from.getQuotaBytes().isSet()) to.quota_bytes = from.getQuotaBytes().getSet();
  if (from.getEnabled().isSet()) to.enabled = from.getEnabled().getSet();
  if (from.getCredentials().isSet()) {
    ASSIGN_OR_RETURN(to.credentials, read_credentials(from.getCredentials().getSet()));
  }
  return to;
}

Result<DirectoryCommand> read_add_alias(schema::AddAlias::Reader from) {
  AddAlias to;
  ASSIGN_OR_RETURN(to.address, read_address(from.getAddress()));
  const auto targets = from.getTargets();
  if (targets.size() > Limits::targets) return too_large("targets of an alias", Limits::targets);
  to.targets.reserve(targets.size());
  for (const auto target : targets) {
    ASSIGN_OR_RETURN(std::string address, read_address(target));
    to.targets.push_back(std::move(address));
  }
  return to;
}

Result<DirectoryCommand> read_set_setting(schema::SetSetting::Reader from) {
  SetSetting to;
  ASSIGN_OR_RETURN(to.name,
                   read(from.getName(), "bytes of a setting's name", Limits::setting_name_bytes));
  if (from.getValue().isSet()) {
    ASSIGN_OR_RETURN(to.value, read(from.getValue().getSet(), "bytes of a setting's value",
                                    Limits::setting_value_bytes));
  }
  return to;
}

template <class Command>
Result<DirectoryCommand> named(Result<std::string> name) {
  if (!name) return std::move(name).error();
  return Command{*std::move(name)};
}

Result<DirectoryCommand> read_command(schema::DirectoryCommand::Reader from) {
  using Which = schema::DirectoryCommand;
  switch (from.which()) {
    case Which::ADD_DOMAIN:
      return named<AddDomain>(read_domain(from.getAddDomain()));
    case Which::REMOVE_DOMAIN:
      return named<RemoveDomain>(read_domain(from.getRemoveDomain()));
    case Which::ADD_ACCOUNT:
      return read_add_account(from.getAddAccount());
    case Which::REMOVE_ACCOUNT:
      return named<RemoveAccount>(read_address(from.getRemoveAccount()));
    case Which::UPDATE_ACCOUNT:
      return read_update_account(from.getUpdateAccount());
    case Which::ADD_ALIAS:
      return read_add_alias(from.getAddAlias());
    case Which::REMOVE_ALIAS:
      return named<RemoveAlias>(read_address(from.getRemoveAlias()));
    case Which::SET_SETTING:
      return read_set_setting(from.getSetSetting());
    case Which::EXPIRE_OPS:
      return ExpireOps{from.getExpireOps()};
  }
  return Error{ErrorCode::kUnsupported, "directory command " +
                                            std::to_string(static_cast<unsigned>(from.which())) +
                                            ": a newer version of this program wrote it"};
}

OpId read_op(schema::DirectoryTxn::Reader from) {
  return {from.getOpHour(), from.getOpFrontend(), from.getOpRandom()};
}

Result<DirectoryTxn> read_txn(schema::DirectoryTxn::Reader from) {
  DirectoryTxn to;
  to.op = read_op(from);
  ASSIGN_OR_RETURN(to.actor, read(from.getActor(), "bytes of an actor", Limits::actor_bytes));
  const auto commands = from.getCommands();
  if (commands.size() > Limits::commands)
    return too_large("commands of a transaction", Limits::commands);
  to.commands.reserve(commands.size());
  for (const auto command : commands) {
    ASSIGN_OR_RETURN(DirectoryCommand one, read_command(command));
    to.commands.push_back(std::move(one));
  }
  return to;
}

// Hands the message in `meta` to `read`. A library's exception ends here. It may quote what it
// read, and credentials must not get into an error, so its text is not passed on.
template <class Read>
auto with_message(Bytes meta, Read read)
    -> decltype(read(std::declval<schema::DirectoryTxn::Reader>())) {
  const Error malformed{ErrorCode::kCorrupt, "directory command: not a Cap'n Proto message"};
  if (meta.empty() || meta.size() % sizeof(capnp::word) != 0) return malformed;
  const std::size_t words = meta.size() / sizeof(capnp::word);
  std::vector<capnp::word> aligned(words);
  std::memcpy(aligned.data(), meta.data(), meta.size());
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words + 64;  // nothing in it is read twice
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader message(kj::arrayPtr(aligned.data(), words), options);
    if (message.getEnd() != aligned.data() + words) return malformed;
    return read(message.getRoot<schema::DirectoryTxn>());
  } catch (const kj::Exception&) {
    return malformed;
  }
}

}  // namespace

std::string encode(const DirectoryTxn& txn) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::DirectoryTxn>();
  root.setOpHour(txn.op.hour);
  root.setOpFrontend(txn.op.frontend);
  root.setOpRandom(txn.op.random);
  root.setActor(text(txn.actor));
  auto commands = root.initCommands(static_cast<unsigned>(txn.commands.size()));
  for (unsigned i = 0; i < commands.size(); ++i)
    std::visit(WriteCommand{commands[i]}, txn.commands[i]);
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

Result<DirectoryTxn> decode_directory_txn(Bytes meta) {
  return with_message(meta, [](schema::DirectoryTxn::Reader root) { return read_txn(root); });
}

Result<OpId> decode_directory_op(Bytes meta) {
  return with_message(
      meta, [](schema::DirectoryTxn::Reader root) -> Result<OpId> { return read_op(root); });
}

}  // namespace everpost::storage
