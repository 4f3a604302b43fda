#include "node/runtime/config.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

#include "base/asio.h"
#include "node/runtime/config_reader.h"

namespace everpost::node {
namespace {

struct NamedProtocol {
  Protocol protocol;
  std::string_view name;
  bool needs_tls;  // implicit TLS, or of no use without
};
constexpr NamedProtocol kProtocols[] = {
    {Protocol::kSmtp, "smtp", false},
    {Protocol::kSubmission, "submission", true},  // AUTH is offered under TLS only
    {Protocol::kSubmissions, "submissions", true},
    {Protocol::kLmtp, "lmtp", false},
    {Protocol::kImap, "imap", false},
    {Protocol::kImaps, "imaps", true},
    {Protocol::kHttp, "http", false},
};

bool absolute(const std::string& path) { return path.starts_with('/'); }

void read_path(ConfigSection& section, std::string_view key, std::string& to) {
  section.text(key, to);
  if (!to.empty() && !absolute(to))
    section.fail(key, "\"" + to + "\" is not an absolute path", "start it with /");
}

bool valid_hostname(std::string_view name) {
  if (name.empty() || name.size() > 255) return false;
  for (const char c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') return false;
  return name.front() != '.' && name.front() != '-' && name.find("..") == name.npos;
}

std::string machine_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || !valid_hostname(name)) return "localhost";
  return name;
}

void read_node(ConfigSection section, Config& config) {
  std::uint64_t id = config.id.value, threads = config.threads, shards = config.shards;
  section.number("id", id, 1, UINT32_MAX);
  section.number("threads", threads, 0, 256);
  section.number("shards", shards, 1, 1024);
  std::uint64_t min_free_percent = config.min_free_percent;
  section.number("min_free_percent", min_free_percent, 0, 90);
  config.min_free_percent = static_cast<unsigned>(min_free_percent);
  std::uint64_t undelete_minutes = config.undelete_minutes;
  section.number("undelete_minutes", undelete_minutes, 10, 60 * 24 * 365);
  config.undelete_minutes = static_cast<unsigned>(undelete_minutes);
  std::uint64_t scrub = config.scrub_mb_per_second;
  section.number("scrub_mb_per_second", scrub, 0, 10'000);
  config.scrub_mb_per_second = static_cast<unsigned>(scrub);
  config.id = NodeId{static_cast<std::uint32_t>(id)};
  config.threads = static_cast<unsigned>(threads);
  config.shards = static_cast<unsigned>(shards);

  section.text("hostname", config.hostname);
  if (config.hostname.empty()) config.hostname = machine_name();
  if (!valid_hostname(config.hostname))
    section.fail("hostname", "\"" + config.hostname + "\" is not a host name",
                 "write it like \"mail.example.org\"");

  read_path(section, "data_folder", config.data_folder);
  if (config.data_folder.empty())
    section.fail("data_folder", "is missing",
                 "say where mail is kept: data_folder = \"/var/lib/everpost\"");

  section.text("user", config.user);
  if (!config.user.empty() && !::getpwnam(config.user.c_str()))
    section.fail("user", "there is no user \"" + config.user + "\" on this machine",
                 "make it (adduser --system --group " + config.user + ") or name another");
  section.text("group", config.group);
  if (!config.group.empty() && config.user.empty())
    section.fail("group", "is set without user", "set node.user as well");
  if (!config.group.empty() && !::getgrnam(config.group.c_str()))
    section.fail("group", "there is no group \"" + config.group + "\" on this machine",
                 "make it (addgroup --system " + config.group + ") or name another");
  section.only_known_keys();
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "127.0.0.1:25" or "[::1]:25".
std::optional<ListenAddress> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return {};
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);

  error_code failure;
  const auto address = asio::ip::make_address(host, failure);
  if (failure || address.is_v6() != brackets) return {};
  const auto number = port_number(port);
  if (!number || *number == 0) return {};
  return ListenAddress{address.to_string(), *number};
}

std::string text(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

// IPv6 sockets take no IPv4 connections (IPV6_V6ONLY), so the families do not clash.
bool clash(const ListenAddress& a, const ListenAddress& b) {
  if (a.port != b.port) return false;
  const bool a6 = a.host.find(':') != std::string::npos, b6 = b.host.find(':') != std::string::npos;
  const auto any = [](const ListenAddress& l) { return l.host == "0.0.0.0" || l.host == "::"; };
  return a6 == b6 && (a.host == b.host || any(a) || any(b));
}

void read_listeners(ConfigSection section, bool have_tls, Config& config) {
  std::vector<std::pair<ListenAddress, std::string_view>> taken;
  for (const NamedProtocol& named : kProtocols) {
    std::vector<std::string> addresses;
    section.texts(named.name, addresses);
    if (addresses.empty()) continue;
    Listener listener{named.protocol, {}};
    for (const std::string& written : addresses) {
      const auto address = parse_address(written);
      if (!address) {
        section.fail(named.name, "\"" + written + "\" is not an address and a port",
                     "write it like \"0.0.0.0:25\" or \"[::]:25\"");
        continue;
      }
      for (const auto& [other, protocol] : taken)
        if (clash(*address, other))
          section.fail(named.name,
                       text(*address) + " is taken by listen." + std::string(protocol) + " (" +
                           text(other) + ")",
                       "give each protocol a port of its own");
      taken.emplace_back(*address, named.name);
      listener.addresses.push_back(*address);
    }
    if (named.needs_tls && !have_tls)
      section.fail(named.name, "needs a certificate",
                   "set tls.certificate and tls.key, or remove this line");
    if (named.protocol == Protocol::kImap && !have_tls && !config.plaintext_on_loopback)
      section.fail(named.name, "nobody could log in without a certificate",
                   "set tls.certificate and tls.key");
    config.listeners.push_back(std::move(listener));
  }
  read_path(section, "admin_socket", config.admin_socket);
  if (config.admin_socket.empty()) config.admin_socket = config.data_folder + "/admin.sock";
  constexpr std::size_t kSocketPathMax = 107;  // sockaddr_un.sun_path, less its NUL
  if (config.admin_socket.size() > kSocketPathMax)
    section.fail("admin_socket",
                 "\"" + config.admin_socket + "\" is longer than " +
                     std::to_string(kSocketPathMax) + " bytes",
                 "choose a shorter path");
  if (std::ranges::none_of(kProtocols, [&](const auto& p) { return section.has(p.name); }))
    section.fail("", "nothing to listen on", "add a line like smtp = \"0.0.0.0:25\"");
  section.only_known_keys();
}

void read_tls(ConfigSection section, Config& config) {
  read_path(section, "certificate", config.certificate);
  read_path(section, "key", config.key);
  if (config.certificate.empty() != config.key.empty())
    section.fail(config.key.empty() ? "certificate" : "key", "is set alone",
                 "set tls.certificate and tls.key, or neither");
  for (const auto& [key, file] :
       {std::pair{"certificate", config.certificate}, std::pair{"key", config.key}})
    if (!file.empty() && ::access(file.c_str(), R_OK) != 0)
      section.fail(key, file + ": " + std::strerror(errno),
                   "name a PEM file that this program may read");
  section.only_known_keys();
}

// "10.0.0.3:7420", "zoo1.example.org:2181".
bool is_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return false;
  return port_number(text.substr(colon + 1)) && text.find_first_of(" \t,/") == text.npos;
}

void read_cluster(ConfigSection section, Config& config) {
  cluster::ClusterOptions cluster;
  section.texts("zookeeper", cluster.zookeeper);
  section.text("listen", cluster.listen);
  section.text("advertise", cluster.advertise);
  section.text("root", cluster.root);
  section.text("zone", cluster.zone);
  read_path(section, "ca", cluster.ca);
  read_path(section, "certificate", cluster.certificate);
  read_path(section, "key", cluster.key);
  section.only_known_keys();
  const std::pair<const char*, bool> needed[] = {{"zookeeper", !cluster.zookeeper.empty()},
                                                 {"listen", !cluster.listen.empty()},
                                                 {"ca", !cluster.ca.empty()},
                                                 {"certificate", !cluster.certificate.empty()},
                                                 {"key", !cluster.key.empty()}};
  if (std::ranges::none_of(needed, [](const auto& key) { return key.second; })) return;
  for (const auto& [key, given] : needed)
    if (!given)
      section.fail(key, "is missing",
                   "a node of a cluster needs zookeeper, listen, ca, certificate and key; remove "
                   "[cluster] for a single node");
  for (const std::string& server : cluster.zookeeper)
    if (!is_endpoint(server))
      section.fail("zookeeper", "\"" + server + "\" is not a host and a port",
                   "write it like [\"10.0.0.1:2181\", \"10.0.0.2:2181\"]");
  for (const auto& [key, address] :
       {std::pair{"listen", cluster.listen}, std::pair{"advertise", cluster.advertise}})
    if (!address.empty() && !is_endpoint(address))
      section.fail(key, "\"" + address + "\" is not a host and a port",
                   "write it like \"10.0.0.3:7420\"");
  if (!cluster.root.starts_with('/') || cluster.root.ends_with('/'))
    section.fail("root", "\"" + cluster.root + "\" is not the path of a znode",
                 "write it like \"/everpost\"");
  if (cluster.zone.find_first_of(" \t\n") != std::string::npos)
    section.fail("zone", "has a space in it", "use one word");
  for (const auto& [key, file] :
       {std::pair{"ca", cluster.ca}, std::pair{"certificate", cluster.certificate},
        std::pair{"key", cluster.key}})
    if (!file.empty() && ::access(file.c_str(), R_OK) != 0)
      section.fail(key, file + ": " + std::strerror(errno),
                   "`everpost cluster init` makes it; copy it to this node");
  config.cluster = std::move(cluster);
}

void read_limits(ConfigSection section, Config& config) {
  std::uint64_t recipients = config.recipients, connections = config.connections,
                per_address = config.connections_per_address;
  section.bytes("message_bytes", config.message_bytes, 64 << 10, 1 << 30);
  section.number("recipients", recipients, 100, 100'000);  // RFC 5321 §4.5.3.1.8: 100 at least
  section.number("connections", connections, 1, 1'000'000);
  section.number("connections_per_address", per_address, 1, 1'000'000);
  section.bytes("message_memory_bytes", config.message_memory_bytes, 16 << 20, 1ull << 40);
  config.recipients = static_cast<std::uint32_t>(recipients);
  config.connections = static_cast<std::uint32_t>(connections);
  config.connections_per_address = static_cast<std::uint32_t>(per_address);
  section.only_known_keys();
}

void read_log(ConfigSection section, Config& config) {
  section.text("level", config.log_level);
  static constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  if (std::ranges::find(kLevels, config.log_level) == std::end(kLevels))
    section.fail("level", "\"" + config.log_level + "\" is not a level",
                 "choose debug, info, warning or error");
  read_path(section, "file", config.log_file);
  section.only_known_keys();
}

}  // namespace

std::string_view to_string(Protocol protocol) {
  for (const NamedProtocol& named : kProtocols)
    if (named.protocol == protocol) return named.name;
  return "?";
}

Result<Config> parse_config(std::string_view text, const std::string& file_name) {
  ASSIGN_OR_RETURN(auto document, ConfigDocument::parse(text, file_name));
  Config config;
  config.file = file_name;
  // The order matters where one section's rules look at another's values.
  read_node(document->section("node"), config);
  read_tls(document->section("tls"), config);
  ConfigSection auth = document->section("auth");
  auth.boolean("plaintext_on_loopback", config.plaintext_on_loopback);
  auth.only_known_keys();
  read_listeners(document->section("listen"), !config.certificate.empty(), config);
  read_cluster(document->section("cluster"), config);
  read_limits(document->section("limits"), config);
  read_log(document->section("log"), config);
  RETURN_IF_ERROR(document->finish());
  return config;
}

Result<Config> load_config(const std::string& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream || errno == EISDIR)
    return Error{ErrorCode::kInvalidArgument,
                 file + ": " + (errno ? std::strerror(errno) : "cannot be read") +
                     "; name the configuration with --config FILE"};
  return parse_config(text.str(), file);
}

}  // namespace everpost::node
