// A throw-away installation: a folder with everything that its nodes have, and local.json, which
// says what runs.
//
//   DIR/local.json              state; its presence says that the folder is ours
//   DIR/node1/everpost.toml     configuration, written by `up`
//   DIR/node1/{cert,key}.pem    certificate, signed by itself
//   DIR/node1/everpostd.log     what the daemon says
//   DIR/node1/admin.sock        its administration socket
//   DIR/node1/data/             its mail
//
// One `everpost local` at a time works on a folder: open() takes a lock and keeps it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "node/local/process.h"

namespace everpost::local {

// The protocols by the name that they have in a configuration, with the port of each.
using Ports = std::map<std::string, std::uint16_t>;

struct LocalNode {
  unsigned id = 1;
  Ports ports;
  std::optional<Process> process;  // as last started; it may be gone
};

class Installation {
 public:
  static constexpr unsigned kNodesMax = 1;  // more with the cluster
  static constexpr unsigned kBasePortMin = 1024, kBasePortMax = 65535 - 993;

  // The folder, which has to be one of ours. Errors: kNotFound (no installation there), kBusy
  // (another `everpost local` works on it), kCorrupt, kIo.
  static Result<Installation> open(const std::string& folder);
  // As open(), or a new one in a folder that is empty or does not exist yet. Errors: as open(), and
  // kAlreadyExists (something else is in the folder).
  static Result<Installation> open_or_make(const std::string& folder);

  // Port numbers of node `id`: the usual ones, moved up.
  static Ports ports_of(unsigned id, unsigned base_port);

  Result<void> save() const;
  // Removes what is ours, and the folder if nothing else is in it. Nothing may run.
  Result<void> remove();

  const std::string& folder() const { return folder_; }
  std::string node_folder(unsigned id) const;
  std::string socket(unsigned id) const { return node_folder(id) + "/admin.sock"; }
  std::string log_file(unsigned id) const { return node_folder(id) + "/everpostd.log"; }
  LocalNode* node(unsigned id);

  std::string domain;
  std::vector<LocalNode> nodes;

 private:
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Lock& operator=(Lock&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~Lock();

   private:
    int fd_;
  };

  Installation(std::string folder, Lock lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}
  static Result<Lock> lock(const std::string& folder);
  Result<void> load();

  std::string folder_;
  Lock lock_;
};

}  // namespace everpost::local
