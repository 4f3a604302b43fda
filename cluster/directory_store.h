// The directory shard, as frontends see it: every node has a replica, so reads are local. Threads
// and errors as in mail_store.h.
#pragma once

#include <functional>
#include <memory>

#include "base/asio.h"
#include "storage/machine/directory_command.h"
#include "storage/machine/directory_reader.h"

namespace everpost::cluster {

class DirectoryStore {
 public:
  virtual ~DirectoryStore() = default;

  virtual Task<storage::DirectoryOutcome> submit(storage::DirectoryTxn txn) = 0;
  virtual OpId new_op() = 0;

  // Runs `query` on a thread that may block, on the newest applied state.
  template <class T>
  Task<T> read(std::function<Result<T>(const storage::DirectoryReader&)> query) {
    std::optional<T> value;
    CO_CHECK(co_await read_any([&](const storage::DirectoryReader& reader) -> Result<void> {
      auto found = query(reader);
      if (!found) return std::move(found).error();
      value = *std::move(found);
      return {};
    }));
    co_return *std::move(value);
  }

  // Grows with every applied change: a cache of look-ups is good as long as this stays.
  virtual std::uint64_t version() const = 0;

 protected:
  virtual Task<void> read_any(
      std::function<Result<void>(const storage::DirectoryReader&)> query) = 0;
};

}  // namespace everpost::cluster
