// A node of two stores in memory.
#pragma once

#include <string>
#include <vector>

#include "cluster/node.h"
#include "tests/unit/node_admin/memory_mail.h"
#include "tests/unit/node_directory/memory_directory.h"

namespace everpost::node::admin {

class MemoryNode : public cluster::Node {
 public:
  explicit MemoryNode(MemoryMail& mail, MemoryDirectory& directory)
      : mail_(mail), directory_(directory) {}
  std::vector<std::string> findings;
  std::vector<cluster::ShardStatus> shards;

  cluster::MailStore& mail() override { return mail_; }
  cluster::DirectoryStore& directory() override { return directory_; }
  std::vector<cluster::ShardStatus> status() const override { return shards; }
  cluster::DiskSpace::Status space() const override { return {}; }
  cluster::Control& control() override { return control_; }
  Result<std::vector<std::string>> verify() override { return findings; }
  Result<void> stop() override { return {}; }

 private:
  MemoryMail& mail_;
  MemoryDirectory& directory_;
  cluster::Control control_{{NodeId{1}, "test", [this] { return shards; }, {}, nullptr, nullptr}};
};

}  // namespace everpost::node::admin
