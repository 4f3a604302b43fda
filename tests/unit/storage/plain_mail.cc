#include "tests/unit/storage/plain_mail.h"

#include <algorithm>
#include <cctype>

namespace everpost::storage {
namespace {

std::set<std::string> lower(const std::vector<std::string>& keywords) {
  std::set<std::string> all;
  for (std::string keyword : keywords) {
    std::ranges::transform(keyword, keyword.begin(),
                           [](unsigned char c) { return std::tolower(c); });
    all.insert(keyword);
  }
  return all;
}

}  // namespace

std::uint64_t PlainMail::Account::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, mailbox] : mailboxes)
    for (const auto& [uid, message] : mailbox.messages) bytes += message.size;
  return bytes;
}

bool PlainMail::make_account(std::uint64_t id) {
  Account& account = accounts[id];
  if (account.deleted) return false;
  if (!account.mailboxes.empty()) return true;
  for (const char* name : {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}) {
    account.mailboxes[name];
    account.subscribed.insert(name);
  }
  return true;
}

bool PlainMail::add(std::uint64_t id, const std::string& name, const Flags& flags,
                    std::uint64_t size, bool enforce_quota) {
  if (!make_account(id)) return false;
  Account& account = accounts[id];
  if (enforce_quota && account.quota != 0 && account.used() + size > account.quota) return false;
  Mailbox& mailbox = account.mailboxes.at(name);
  mailbox.messages[mailbox.uid_next++] = {flags.system, lower(flags.keywords), size, now};
  return true;
}

std::set<std::uint32_t> PlainMail::store(std::uint64_t id, const std::string& name,
                                         const StoreFlags& command, std::uint64_t unchanged_since) {
  std::set<std::uint32_t> changed;
  const std::set<std::string> given = lower(command.flags.keywords);
  for (auto& [uid, message] : accounts[id].mailboxes.at(name).messages) {
    if (!command.uids.contains(Uid{uid}) || message.changed > unchanged_since) continue;
    Message next = message;
    switch (command.mode) {
      case StoreFlags::Mode::kReplace:
        next.flags = command.flags.system;
        next.keywords = given;
        break;
      case StoreFlags::Mode::kAdd:
        next.flags |= command.flags.system;
        next.keywords.insert(given.begin(), given.end());
        break;
      case StoreFlags::Mode::kRemove:
        next.flags &= static_cast<std::uint16_t>(~command.flags.system);
        for (const std::string& keyword : given) next.keywords.erase(keyword);
        break;
    }
    if (next == message) continue;
    next.changed = now;
    message = next;
    changed.insert(uid);
  }
  return changed;
}

std::set<std::uint32_t> PlainMail::expunge(std::uint64_t id, const std::string& name,
                                           const Expunge& command) {
  std::set<std::uint32_t> gone;
  Mailbox& mailbox = accounts[id].mailboxes.at(name);
  for (const auto& [uid, message] : mailbox.messages)
    if (command.uids.contains(Uid{uid}) &&
        (!command.only_deleted || (message.flags & kDeleted) != 0))
      gone.insert(uid);
  for (const std::uint32_t uid : gone) {
    mailbox.messages.erase(uid);
    mailbox.vanished[uid] = now;
  }
  return gone;
}

bool PlainMail::transfer(std::uint64_t id, const std::string& from, const std::string& to,
                         const UidSet& uids, bool move, bool enforce_quota) {
  Account& account = accounts[id];
  Mailbox& source = account.mailboxes.at(from);
  Mailbox& target = account.mailboxes.at(to);
  std::map<std::uint32_t, Message> found;
  std::uint64_t bytes = 0;
  for (const auto& [uid, message] : source.messages)
    if (uids.contains(Uid{uid})) {
      found.emplace(uid, message);
      bytes += message.size;
    }
  if (!move && enforce_quota && account.quota != 0 && !found.empty() &&
      account.used() + bytes > account.quota)
    return false;
  for (auto& [uid, message] : found) {
    message.changed = now;
    target.messages[target.uid_next++] = message;
    if (!move) continue;
    source.messages.erase(uid);
    source.vanished[uid] = now;
  }
  return true;
}

bool PlainMail::has_inferiors(const Account& account, const std::string& name) {
  return std::ranges::any_of(account.mailboxes,
                             [&](const auto& one) { return one.first.starts_with(name + "/"); });
}

void PlainMail::make_superiors(Account& account, const std::string& name) {
  for (std::size_t at = name.find('/'); at != name.npos; at = name.find('/', at + 1))
    account.mailboxes[name.substr(0, at)];
}

void PlainMail::prune(Account& account, std::string name) {
  while (name.contains('/')) {
    name.resize(name.rfind('/'));
    if (account.mailboxes.at(name).selectable || has_inferiors(account, name)) return;
    account.mailboxes.erase(name);
  }
}

bool PlainMail::create(std::uint64_t id, const std::string& name) {
  Account& account = accounts[id];
  const auto there = account.mailboxes.find(name);
  if (there != account.mailboxes.end() && there->second.selectable) return false;
  make_superiors(account, name);
  account.mailboxes[name] = {};
  return true;
}

bool PlainMail::rename(std::uint64_t id, const std::string& from, const std::string& to) {
  Account& account = accounts[id];
  if (!account.mailboxes.contains(from) || account.mailboxes.contains(to)) return false;
  if (from != "INBOX" && to.starts_with(from + "/")) return false;
  make_superiors(account, to);
  if (from == "INBOX") {
    account.mailboxes[to];
    UidSet all;
    all.add(Uid{1}, Uid{UINT32_MAX});
    return transfer(id, from, to, all, true, false);
  }
  std::map<std::string, Mailbox> moved;
  for (auto& [name, mailbox] : account.mailboxes)
    if (name == from || name.starts_with(from + "/"))
      moved.emplace(to + name.substr(from.size()), std::move(mailbox));
  std::erase_if(account.mailboxes, [&](const auto& one) {
    return one.first == from || one.first.starts_with(from + "/");
  });
  account.mailboxes.merge(moved);
  prune(account, from);
  return true;
}

bool PlainMail::remove(std::uint64_t id, const std::string& name) {
  Account& account = accounts[id];
  const auto there = account.mailboxes.find(name);
  if (name == "INBOX" || there == account.mailboxes.end()) return false;
  if (has_inferiors(account, name)) {
    if (!there->second.selectable) return false;
    there->second = {};
    there->second.selectable = false;
    return true;
  }
  account.mailboxes.erase(there);
  prune(account, name);
  return true;
}

}  // namespace everpost::storage
