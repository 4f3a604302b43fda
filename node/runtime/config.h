// One node's configuration: a TOML file with what differs from node to node. Every key is
// documented in docs/configuration.md; an unknown or ill-typed one is an error that names file and
// line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cluster/cluster_options.h"

namespace everpost::node {

enum class Protocol { kSmtp, kSubmission, kSubmissions, kLmtp, kImap, kImaps, kHttp };
std::string_view to_string(Protocol protocol);

struct ListenAddress {
  std::string host;  // "0.0.0.0", "::", "127.0.0.1"
  std::uint16_t port = 0;
};
struct Listener {
  Protocol protocol{};
  std::vector<ListenAddress> addresses;
};

struct Config {
  std::string file;

  // [node]
  NodeId id{1};
  std::string hostname;                 // in greetings and Received; default: this machine's name
  std::string data_folder;              // /var/lib/everpost
  std::string user, group;              // run as, once the ports are bound; empty: stay
  unsigned threads = 0;                 // I/O threads; 0: one for each core
  unsigned shards = 4;                  // mail shards, made at the first start; fixed afterwards
  unsigned undelete_minutes = 24 * 60;  // deleted mail's space is given back so much later
  unsigned scrub_mb_per_second = 10;    // read to find rot; 0: never
  unsigned min_free_percent = 5;  // of the disk; below it no new mail is taken. 0: no such mark

  // [listen]
  std::vector<Listener> listeners;
  std::string admin_socket;  // default: <data>/admin.sock

  // [cluster]; none: a single node
  std::optional<cluster::ClusterOptions> cluster;

  // [tls]
  std::string certificate, key;

  // [limits]
  std::uint64_t message_bytes = 50 << 20;  // SMTP SIZE, APPEND
  std::uint32_t recipients = 1000;         // of one SMTP transaction
  std::uint32_t connections = 20000;       // of all protocols together
  std::uint32_t connections_per_address = 1000;
  std::uint64_t message_memory_bytes = 256
                                       << 20;  // of messages being received, all sessions together

  // [auth]
  bool plaintext_on_loopback = false;  // IMAP logins without TLS from 127.0.0.0/8 and ::1

  // [log]
  std::string log_level = "info";  // debug, info, warning, error
  std::string log_file;            // empty: stderr (journald)
};

// Errors: kInvalidArgument, "everpost.toml:12:9: listen.smtp: …; write it like …".
Result<Config> load_config(const std::string& file);
Result<Config> parse_config(std::string_view text, const std::string& file_name);

}  // namespace everpost::node
