// Answers what other nodes ask of this one: the shards it leads, the directory, watches. To be put
// behind a transport, as rpc::Transport::serve()'s handler.
#pragma once

#include <string>

#include "base/asio.h"
#include "cluster/directory_store.h"
#include "cluster/mail_store.h"
#include "cluster/router/watch_server.h"

namespace everpost::cluster {

class MailServer {
 public:
  // The stores are this node's own (not those that ask other nodes), and outlive it.
  MailServer(MailStore& mail, DirectoryStore& directory)
      : mail_(mail), directory_(directory), watches_(mail) {}

  // `from` is who asks, as the transport knows it. The answer's bytes, also of an error.
  Task<std::string> serve(NodeId from, std::string request);
  // Ends the requests that are held for watches. From any thread.
  void stop() { watches_.stop(); }

 private:
  Task<Answer> answer(NodeId from, Request request);

  MailStore& mail_;
  DirectoryStore& directory_;
  WatchServer watches_;
};

}  // namespace everpost::cluster
