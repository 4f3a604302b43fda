// A mailbox store in memory, as simple as it can be: what the commands mean, once more.
#pragma once

#include <map>
#include <set>
#include <string>

#include "storage/machine/mail_command.h"

namespace everpost::storage {

class PlainMail {
 public:
  struct Message {
    std::uint16_t flags = 0;
    std::set<std::string> keywords;  // lower case
    std::uint64_t size = 0;
    std::uint64_t changed = 0;  // a time that counts commands
    friend bool operator==(const Message&, const Message&) = default;
  };
  struct Mailbox {
    bool selectable = true;
    std::map<std::uint32_t, Message> messages;  // by UID
    std::uint32_t uid_next = 1;
    std::uint32_t first_recent = 1;
    std::map<std::uint32_t, std::uint64_t> vanished;  // when
  };
  struct Account {
    bool deleted = false;
    std::uint64_t quota = 0;
    std::map<std::string, Mailbox> mailboxes;
    std::set<std::string> subscribed;
    std::uint64_t used() const;
  };

  std::map<std::uint64_t, Account> accounts;
  std::uint64_t now = 1;

  // Each returns whether the command succeeds; a command that does not changes nothing. Mailboxes
  // are named by account and name, which the caller knows to exist and to be selectable.
  bool make_account(std::uint64_t account);
  bool add(std::uint64_t account, const std::string& mailbox, const Flags& flags,
           std::uint64_t size, bool enforce_quota);
  // Returns the UIDs that changed.
  std::set<std::uint32_t> store(std::uint64_t account, const std::string& mailbox,
                                const StoreFlags& command, std::uint64_t unchanged_since);
  std::set<std::uint32_t> expunge(std::uint64_t account, const std::string& mailbox,
                                  const Expunge& command);
  bool transfer(std::uint64_t account, const std::string& from, const std::string& to,
                const UidSet& uids, bool move, bool enforce_quota);
  bool create(std::uint64_t account, const std::string& name);
  bool rename(std::uint64_t account, const std::string& from, const std::string& to);
  bool remove(std::uint64_t account, const std::string& name);

 private:
  static bool has_inferiors(const Account& account, const std::string& name);
  static void make_superiors(Account& account, const std::string& name);
  static void prune(Account& account, std::string name);
};

}  // namespace everpost::storage
