// Which mailboxes a LIST or LSUB names, and with what attributes: RFC 3501 §6.3.8, §6.3.9, RFC
// 5258, RFC 6154. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "node/imap/syntax/command.h"
#include "storage/machine/mail_reader.h"

namespace everpost::node::imap {

struct Listed {
  std::string name;
  std::vector<std::string> attributes;            // "\\HasChildren"
  bool child_subscribed = false;                  // CHILDINFO ("SUBSCRIBED"), RFC 5258 §3.5
  const storage::MailboxInfo* mailbox = nullptr;  // nullptr: there is only the name
};

class Listing {
 public:
  // All of the account's mailboxes and subscriptions. The mailboxes have to stay.
  Listing(const std::vector<storage::MailboxInfo>& mailboxes,
          const std::vector<std::string>& subscriptions);

  // In the order of names.
  std::vector<Listed> list(const ListCommand& command) const;
  std::vector<Listed> lsub(const LsubCommand& command) const;

 private:
  const storage::MailboxInfo* find(const std::string& name) const;
  bool has_inferior(const std::string& name) const;
  Listed describe(const std::string& name, const ListCommand& command) const;

  std::map<std::string, const storage::MailboxInfo*> existing_;
  std::set<std::string> subscribed_;
  // Names that have subscribed names below them, whether they exist or not.
  std::set<std::string> above_subscribed_;
};

// "* LIST (\HasChildren) "/" Archive ("CHILDINFO" ("SUBSCRIBED"))".
void append_listed(std::string_view response, const Listed& listed, std::string& to);

}  // namespace everpost::node::imap
