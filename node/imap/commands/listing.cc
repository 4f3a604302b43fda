#include "node/imap/commands/listing.h"

#include <algorithm>

#include "node/imap/session/format.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {
namespace {

// The name one level up, or nothing.
std::string superior(const std::string& name) {
  const std::size_t end = name.rfind(kHierarchyDelimiter);
  return end == std::string::npos ? std::string() : name.substr(0, end);
}

// RFC 3501 §6.3.8: the reference and the pattern are taken together.
std::vector<std::string> with_reference(const std::string& reference,
                                        const std::vector<std::string>& patterns) {
  std::vector<std::string> whole;
  for (const std::string& pattern : patterns) whole.push_back(reference + pattern);
  return whole;
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return matches_pattern(pattern, name); });
}

}  // namespace

Listing::Listing(const std::vector<storage::MailboxInfo>& mailboxes,
                 const std::vector<std::string>& subscriptions)
    : subscribed_(subscriptions.begin(), subscriptions.end()) {
  for (const storage::MailboxInfo& mailbox : mailboxes) existing_.emplace(mailbox.name, &mailbox);
  for (const std::string& name : subscribed_)
    for (std::string above = superior(name); !above.empty(); above = superior(above))
      if (!above_subscribed_.insert(above).second) break;
}

const storage::MailboxInfo* Listing::find(const std::string& name) const {
  const auto found = existing_.find(name);
  return found == existing_.end() ? nullptr : found->second;
}

bool Listing::has_inferior(const std::string& name) const {
  const std::string prefix = name + kHierarchyDelimiter;
  const auto next = existing_.lower_bound(prefix);
  return next != existing_.end() && next->first.starts_with(prefix);
}

Listed Listing::describe(const std::string& name, const ListCommand& command) const {
  Listed listed{name, {}, false, find(name)};
  if (!listed.mailbox)
    listed.attributes.emplace_back("\\NonExistent");  // RFC 5258 §3: implies \Noselect
  else if (!listed.mailbox->selectable)
    listed.attributes.emplace_back("\\Noselect");
  listed.attributes.emplace_back(has_inferior(name) ? "\\HasChildren"
                                                    : "\\HasNoChildren");  // RFC 3348
  if ((command.only_subscribed || command.return_subscribed) && subscribed_.contains(name))
    listed.attributes.emplace_back("\\Subscribed");
  if (listed.mailbox && !listed.mailbox->special_use.empty())
    listed.attributes.push_back(listed.mailbox->special_use);  // RFC 6154 §2: in any LIST
  listed.child_subscribed = command.recursive_match && above_subscribed_.contains(name);
  return listed;
}

std::vector<Listed> Listing::list(const ListCommand& command) const {
  const std::vector<std::string> patterns = with_reference(command.reference, command.patterns);
  std::set<std::string> candidates;
  if (command.only_subscribed)
    candidates = subscribed_;
  else
    for (const auto& [name, mailbox] : existing_) candidates.insert(name);
  // RFC 5258 §3.1: the superior has to match the pattern, what is below it has not.
  if (command.recursive_match)
    candidates.insert(above_subscribed_.begin(), above_subscribed_.end());
  std::vector<Listed> result;
  for (const std::string& name : candidates) {
    if (!matches_any(patterns, name)) continue;
    Listed listed = describe(name, command);
    if (command.only_special_use && (!listed.mailbox || listed.mailbox->special_use.empty()))
      continue;
    result.push_back(std::move(listed));
  }
  return result;
}

std::vector<Listed> Listing::lsub(const LsubCommand& command) const {
  const std::string pattern = command.reference + command.pattern;
  std::vector<Listed> result;
  std::set<std::string> candidates = subscribed_;
  // RFC 3501 §6.3.9: with "%", foo is named if foo/bar is subscribed, as \Noselect.
  if (pattern.find('%') != std::string::npos)
    candidates.insert(above_subscribed_.begin(), above_subscribed_.end());
  for (const std::string& name : candidates) {
    if (!matches_pattern(pattern, name)) continue;
    Listed listed{name, {}, false, find(name)};
    if (!subscribed_.contains(name)) listed.attributes.emplace_back("\\Noselect");
    result.push_back(std::move(listed));
  }
  return result;
}

void append_listed(std::string_view response, const Listed& listed, std::string& to) {
  to += "* ";
  to += response;
  to += " (";
  for (std::size_t i = 0; i < listed.attributes.size(); ++i) {
    if (i > 0) to += ' ';
    to += listed.attributes[i];
  }
  to += ") \"";
  to += kHierarchyDelimiter;
  to += "\" ";
  append_mailbox(listed.name, to);
  if (listed.child_subscribed) to += R"( ("CHILDINFO" ("SUBSCRIBED")))";
  to += "\r\n";
}

}  // namespace everpost::node::imap
