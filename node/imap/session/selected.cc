#include "node/imap/session/selected.h"

#include <algorithm>

#include "node/imap/session/format.h"

namespace everpost::node::imap {
namespace {

void tell_flags(const Selected& selected, const storage::MessageInfo& message, bool modseq,
                std::string& out) {
  if (selected.vanished.contains(message.uid)) return;
  const auto own = std::ranges::find_if(selected.own_changes, [&](const OwnChange& change) {
    return change.modseq == message.modseq && change.uids.contains(message.uid);
  });
  if (own == selected.own_changes.end())
    append_fetch(selected, message, true, modseq, out);
  else if (own->modseq_untold && modseq)
    append_fetch(selected, message, false, true, out);
}

}  // namespace

void take_in(Selected& selected, const storage::MailboxChanges& changes, std::string& out) {
  if (changes.mailbox.keywords.size() > selected.keywords) {
    append_flag_responses(changes.mailbox.keywords, selected.read_only, out);
    selected.keywords = changes.mailbox.keywords.size();
  }
  for (const auto& [first, last] : selected.view.intersect(changes.vanished).ranges())
    selected.vanished.add(first, last);
}

void tell_messages(Selected& selected, const std::vector<storage::MessageInfo>& messages,
                   Telling telling, std::string& out) {
  for (const storage::MessageInfo& message : messages) {
    if (message.uid < selected.uid_next) {
      tell_flags(selected, message, telling.modseq, out);
    } else {
      selected.view.append(message.uid);
      selected.uid_next = Uid{message.uid.value + 1};
    }
  }
}

bool finish_telling(Selected& selected, const storage::MailboxInfo& mailbox,
                    std::uint32_t size_before, Telling telling, std::string& out) {
  const bool arrivals = selected.view.size() > size_before;
  selected.uid_next = std::max(selected.uid_next, mailbox.uid_next);
  selected.modseq = std::max(selected.modseq, mailbox.highest_modseq);
  selected.unclaimed_from = mailbox.first_recent;
  selected.deleted = mailbox.deleted;
  selected.own_changes.clear();

  if (telling.expunges) tell_expunges(selected, out);
  if (arrivals) tell_size(selected, out);
  return selected.view.size() - selected.vanished.count() == mailbox.messages;
}

void rebuild(Selected& selected, const std::vector<Uid>& uids, Telling telling, std::string& out) {
  const storage::UidSet known = selected.view.all();
  for (const auto& [first, last] : difference(known, View(uids).intersect(known)).ranges())
    selected.vanished.add(first, last);
  const std::uint32_t size_before = selected.view.size();
  for (const Uid uid : uids)
    if (uid > selected.view.last() && uid >= selected.uid_next) selected.view.append(uid);
  if (!uids.empty()) selected.uid_next = std::max(selected.uid_next, Uid{uids.back().value + 1});
  const bool arrivals = selected.view.size() > size_before;
  if (telling.expunges) tell_expunges(selected, out);
  if (arrivals) tell_size(selected, out);
}

void tell_size(const Selected& selected, std::string& out) {
  out += "* " + std::to_string(selected.view.size()) + " EXISTS\r\n";
  out += "* " + std::to_string(selected.view.count_from(selected.first_recent)) + " RECENT\r\n";
}

void append_fetch(const Selected& selected, const storage::MessageInfo& message, bool flags,
                  bool modseq, std::string& out) {
  const auto seq = selected.view.seq_of(message.uid);
  if (!seq) return;
  out += "* " + std::to_string(*seq) + " FETCH (UID " + std::to_string(message.uid.value);
  if (flags) {
    out += " FLAGS ";
    append_flags(message.flags, selected.is_recent(message.uid), out);
  }
  if (modseq) out += " MODSEQ (" + std::to_string(message.modseq.value) + ")";
  out += ")\r\n";
}

void tell_expunges(Selected& selected, std::string& out) {
  if (selected.vanished.empty()) return;
  for (const std::uint32_t seq : selected.view.remove(selected.vanished))
    out += "* " + std::to_string(seq) + " EXPUNGE\r\n";
  selected.vanished = {};
}

void append_flag_responses(const std::vector<std::string>& keywords, bool read_only,
                           std::string& out) {
  std::string flags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
  for (const std::string& keyword : keywords) flags += ' ' + keyword;
  out += "* FLAGS (" + flags + ")\r\n";
  if (read_only) {
    out += "* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n";
    return;
  }
  // \*: the client may make new keywords.
  if (keywords.size() < storage::MailLimits::keywords) flags += " \\*";
  out += "* OK [PERMANENTFLAGS (" + flags + ")] Flags are kept\r\n";
}

}  // namespace everpost::node::imap
