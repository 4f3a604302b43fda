// The parts of an answer (mail_wire.h) to and from their Cap'n Proto structs. For answer_wire.cc.
#pragma once

#include "base/capnp.h"
#include "cluster/router/mail_wire.capnp.h"
#include "cluster/router/mail_wire.h"
#include "cluster/router/wire_frame.h"

namespace everpost::cluster::frame {

// kInternal, if this program does not know the name.
ErrorCode error_code_named(std::string_view name);
void put(wire::Error::Builder to, const Error& from);
Error get(wire::Error::Reader from);

void put(wire::Extent::Builder to, const storage::Extent& from);
storage::Extent get(wire::Extent::Reader from);
void put(wire::MailboxInfo::Builder to, const storage::MailboxInfo& from);
Result<storage::MailboxInfo> get(wire::MailboxInfo::Reader from);
void put(wire::MessageInfo::Builder to, const storage::MessageInfo& from);
Result<storage::MessageInfo> get(wire::MessageInfo::Reader from);
void put(wire::QueueEntry::Builder to, const storage::QueueEntry& from);
Result<storage::QueueEntry> get(wire::QueueEntry::Reader from);

void put(wire::MailOutcome::Builder to, const storage::MailOutcome& from);
Result<storage::MailOutcome> get(wire::MailOutcome::Reader from);
void put(wire::DirectoryOutcome::Builder to, const storage::DirectoryOutcome& from);
Result<storage::DirectoryOutcome> get(wire::DirectoryOutcome::Reader from);

// A list of at most `max` entries.
template <class T, class List>
Result<std::vector<T>> get_list(List from, std::string_view what, std::size_t max) {
  if (from.size() > max) return beyond(what, max);
  std::vector<T> all;
  all.reserve(from.size());
  for (const auto one : from) {
    ASSIGN_OR_RETURN(T value, get(one));
    all.push_back(std::move(value));
  }
  return all;
}
template <class List, class T>
void put_list(List to, const std::vector<T>& from) {
  for (unsigned i = 0; i < to.size(); ++i) put(to[i], from[i]);
}

}  // namespace everpost::cluster::frame
