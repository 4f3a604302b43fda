// What can be asked of the directory's state, at one applied LSN. Thread-compatible; calls block.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/index/index.h"
#include "storage/machine/directory_command.h"

namespace everpost::storage {

class DirectoryReader {
 public:
  virtual ~DirectoryReader() = default;
  virtual Lsn applied() const = 0;

  // Errors: kNotFound, kCorrupt, kIo.
  virtual Result<DomainRecord> domain(const std::string& name) const = 0;
  virtual Result<AccountRecord> account(const std::string& address) const = 0;
  virtual Result<AccountRecord> account(AccountId id) const = 0;
  virtual Result<AliasRecord> alias(const std::string& address) const = 0;

  // Pages in the order of names: those after `after` ("" from the start), at most `limit`.
  virtual Result<std::vector<DomainRecord>> domains(const std::string& after,
                                                    std::size_t limit) const = 0;
  virtual Result<std::vector<AccountRecord>> accounts(const std::string& after,
                                                      std::size_t limit) const = 0;
  virtual Result<std::vector<AliasRecord>> aliases(const std::string& after,
                                                   std::size_t limit) const = 0;
  virtual Result<std::map<std::string, std::string>> settings() const = 0;
};

// `view`: of a directory shard's index.
Result<std::unique_ptr<DirectoryReader>> make_directory_reader(std::unique_ptr<IndexView> view);

}  // namespace everpost::storage
