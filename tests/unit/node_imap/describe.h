// Commands and search keys as one line of text, so that tests of the parser are tables.
#pragma once

#include <string>

#include "node/imap/session/format.h"
#include "node/imap/syntax/command.h"

namespace everpost::node::imap {

inline std::string describe(const SequenceSet& set) {
  const auto number = [](std::uint32_t n) {
    return n == SequenceSet::kStar ? std::string("*") : std::to_string(n);
  };
  std::string text;
  for (const auto& [first, last] : set.ranges) {
    if (!text.empty()) text += ',';
    text += first == last ? number(first) : number(first) + ":" + number(last);
  }
  return text;
}

inline std::string describe(const storage::Flags& flags) {
  std::string text;
  append_flags(flags, false, text);
  return text;
}

inline std::string describe(const StatusItems& items) {
  std::string text;
  const auto put = [&](bool is, const char* name) {
    if (is) text += std::string(text.empty() ? "" : " ") + name;
  };
  put(items.messages, "messages");
  put(items.recent, "recent");
  put(items.uid_next, "uidnext");
  put(items.uid_validity, "uidvalidity");
  put(items.unseen, "unseen");
  put(items.highest_modseq, "highestmodseq");
  put(items.size, "size");
  put(items.append_limit, "appendlimit");
  return "{" + text + "}";
}

inline std::string describe(const SearchKey& key) {
  using Kind = SearchKey::Kind;
  const auto list = [&](const char* name) {
    std::string text = std::string(name) + "(";
    for (std::size_t i = 0; i < key.keys.size(); ++i)
      text += (i > 0 ? " " : "") + describe(key.keys[i]);
    return text + ")";
  };
  const auto date = [&] { return std::to_string(key.date.time_since_epoch().count()); };
  switch (key.kind) {
    case Kind::kAll:
      return "all";
    case Kind::kFlag:
      return "flag " + std::to_string(key.number);
    case Kind::kKeyword:
      return "keyword " + key.text;
    case Kind::kRecent:
      return "recent";
    case Kind::kSequence:
      return "seq " + describe(key.set);
    case Kind::kUid:
      return "uid " + describe(key.set);
    case Kind::kLarger:
      return "larger " + std::to_string(key.number);
    case Kind::kSmaller:
      return "smaller " + std::to_string(key.number);
    case Kind::kModSeq:
      return "modseq " + std::to_string(key.number);
    case Kind::kBefore:
      return "before " + date();
    case Kind::kOn:
      return "on " + date();
    case Kind::kSince:
      return "since " + date();
    case Kind::kSentBefore:
      return "sentbefore " + date();
    case Kind::kSentOn:
      return "senton " + date();
    case Kind::kSentSince:
      return "sentsince " + date();
    case Kind::kHeader:
      return "header " + key.field + "=" + key.text;
    case Kind::kBody:
      return "body=" + key.text;
    case Kind::kText:
      return "text=" + key.text;
    case Kind::kAnd:
      return list("and");
    case Kind::kOr:
      return list("or");
    case Kind::kNot:
      return list("not");
  }
  return "?";
}

inline std::string describe(const FetchItem& item) {
  static const char* const kNames[] = {"flags",  "uid",           "modseq",      "date",
                                       "size",   "envelope",      "body",        "bodystructure",
                                       "rfc822", "rfc822.header", "rfc822.text", "section"};
  static const char* const kTexts[] = {"", "header", "fields", "fields.not", "text", "mime"};
  std::string text = kNames[static_cast<int>(item.kind)];
  if (item.kind != FetchItem::Kind::kSection) return text;
  text += item.section.peek ? ".peek[" : "[";
  for (const std::uint32_t part : item.section.part) text += std::to_string(part) + ".";
  text += kTexts[static_cast<int>(item.section.text)];
  for (const std::string& field : item.section.fields) text += " " + field;
  text += "]";
  if (item.section.partial)
    text += "<" + std::to_string(item.section.partial->first) + "." +
            std::to_string(item.section.partial->count) + ">";
  return text;
}

struct Describe {
  std::string operator()(const CapabilityCommand&) { return "capability"; }
  std::string operator()(const NoopCommand&) { return "noop"; }
  std::string operator()(const LogoutCommand&) { return "logout"; }
  std::string operator()(const IdCommand& c) {
    std::string text = "id";
    for (const auto& [field, value] : c.fields) text += " " + field + "=" + value.value_or("NIL");
    return text;
  }
  std::string operator()(const StartTlsCommand&) { return "starttls"; }
  std::string operator()(const AuthenticateCommand& c) {
    return "authenticate " + c.mechanism + (c.initial ? " '" + *c.initial + "'" : "");
  }
  std::string operator()(const LoginCommand& c) { return "login " + c.user + " " + c.password; }
  std::string operator()(const EnableCommand& c) {
    std::string text = "enable";
    for (const std::string& name : c.capabilities) text += " " + name;
    return text;
  }
  std::string operator()(const SelectCommand& c) {
    return (c.read_only ? "examine " : "select ") + c.mailbox + (c.condstore ? " condstore" : "");
  }
  std::string operator()(const CreateCommand& c) {
    std::string text = "create " + c.mailbox;
    for (const std::string& use : c.special_use) text += " " + use;
    return text;
  }
  std::string operator()(const DeleteCommand& c) { return "delete " + c.mailbox; }
  std::string operator()(const RenameCommand& c) { return "rename " + c.from + " " + c.to; }
  std::string operator()(const SubscribeCommand& c) {
    return (c.on ? "subscribe " : "unsubscribe ") + c.mailbox;
  }
  std::string operator()(const NamespaceCommand&) { return "namespace"; }
  std::string operator()(const StatusCommand& c) {
    return "status " + c.mailbox + " " + describe(c.items);
  }
  std::string operator()(const ListCommand& c) {
    std::string text = "list '" + c.reference + "'";
    for (const std::string& pattern : c.patterns) text += " '" + pattern + "'";
    if (c.extended) text += " extended";
    if (c.only_subscribed) text += " only-subscribed";
    if (c.recursive_match) text += " recursivematch";
    if (c.only_special_use) text += " only-special-use";
    if (c.return_subscribed) text += " subscribed";
    if (c.return_children) text += " children";
    if (c.return_special_use) text += " special-use";
    if (c.status) text += " status" + describe(*c.status);
    return text;
  }
  std::string operator()(const LsubCommand& c) {
    return "lsub '" + c.reference + "' '" + c.pattern + "'";
  }
  std::string operator()(const AppendCommand& c) {
    return "append " + c.mailbox + " " + describe(c.flags) +
           (c.date ? " " + std::to_string(c.date->micros) : "") + " " + std::to_string(c.bytes) +
           (c.synchronizing ? "" : "+");
  }
  std::string operator()(const IdleCommand&) { return "idle"; }
  std::string operator()(const CheckCommand&) { return "check"; }
  std::string operator()(const CloseCommand&) { return "close"; }
  std::string operator()(const UnselectCommand&) { return "unselect"; }
  std::string operator()(const ExpungeCommand& c) {
    return "expunge" + (c.uids ? " uid " + describe(*c.uids) : "");
  }
  std::string operator()(const SearchCommand& c) {
    std::string text = c.uid ? "uid search" : "search";
    if (!c.request.charset.empty()) text += " " + c.request.charset;
    if (c.request.want) {
      text += " return";
      if (c.request.want->min) text += " min";
      if (c.request.want->max) text += " max";
      if (c.request.want->all) text += " all";
      if (c.request.want->count) text += " count";
    }
    return text + ": " + describe(c.request.key);
  }
  std::string operator()(const FetchCommand& c) {
    std::string text = (c.uid ? "uid fetch " : "fetch ") + describe(c.set);
    for (const FetchItem& item : c.request.items) text += " " + describe(item);
    if (c.request.changed_since)
      text += " changedsince " + std::to_string(c.request.changed_since->value);
    return text;
  }
  std::string operator()(const StoreCommand& c) {
    static const char* const kModes[] = {"=", "+", "-"};
    return (c.uid ? "uid store " : "store ") + describe(c.set) + " " +
           kModes[static_cast<int>(c.mode)] + describe(c.flags) + (c.silent ? " silent" : "") +
           (c.unchanged_since ? " unchangedsince " + std::to_string(c.unchanged_since->value) : "");
  }
  std::string operator()(const CopyCommand& c) {
    return std::string(c.uid ? "uid " : "") + (c.move ? "move " : "copy ") + describe(c.set) + " " +
           c.mailbox;
  }
};

inline std::string describe(const CommandArguments& arguments) {
  return std::visit(Describe{}, arguments);
}

}  // namespace everpost::node::imap
