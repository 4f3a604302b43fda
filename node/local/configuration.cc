#include "node/local/configuration.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "base/asio.h"
#include "node/local/certificate.h"

namespace everpost::local {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSocketPathBytesMax = 107;  // sockaddr_un, without the NUL

// A basic string of TOML.
std::string quoted(const std::string& text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < ' ' || byte == 127) {
      result += "\\u00";
      result += kDigits[byte >> 4];
      result += kDigits[byte & 15];
    } else {
      result += c;
    }
  }
  return result + "\"";
}

// This machine's name, if it can stand in a certificate.
std::string hostname() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  const std::string text = name;
  const bool good = !text.empty() && text.size() <= 64 && text.front() != '.' &&
                    text.front() != '-' && !text.contains("..") &&
                    std::ranges::all_of(text, [](unsigned char c) {
                      return std::isalnum(c) || c == '-' || c == '.';
                    });
  return good ? text : "localhost";
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) return Error{ErrorCode::kIo, "write " + path};
  return {};
}

// Others, and ZooKeeper, are reached through the network process; see forwarder.h.
std::string cluster_section(const Installation& installation, const LocalNode& node) {
  std::string servers;
  for (const LocalZooKeeper& server : installation.zookeepers)
    servers += (servers.empty() ? "" : ", ") +
               quoted("127.0.0.1:" + std::to_string(installation.network_port(node.id, server.id)));
  const std::string files = installation.certificates() + "/";
  const std::string name = files + "node-" + std::to_string(node.id);
  return "\n[cluster]\nzookeeper = [" + servers + "]\nlisten = " +
         quoted(installation.cluster_address(node.id) + ":" +
                std::to_string(installation.cluster_port(node.id))) +
         "\nadvertise = " +
         quoted("127.0.0.1:" + std::to_string(installation.network_port(node.id))) +
         "\nca = " + quoted(files + "ca.pem") + "\ncertificate = " + quoted(name + ".pem") +
         "\nkey = " + quoted(name + ".key") + "\n";
}

Result<void> check_is_free(const std::string& address, std::uint16_t port,
                           const std::string& what) {
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context);
  error_code error;
  acceptor.open(asio::ip::tcp::v4(), error);
  if (!error) acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind({asio::ip::make_address(address), port}, error);
  if (error)
    return Error{ErrorCode::kAlreadyExists, "port " + std::to_string(port) + " (" + what +
                                                "): " + error.message() +
                                                "; choose others with --base-port"};
  return {};
}

}  // namespace

Result<void> configure(const Installation& installation, const LocalNode& node) {
  const std::string folder = installation.node_folder(node.id);
  if (installation.socket(node.id).size() > kSocketPathBytesMax)
    return Error{ErrorCode::kInvalidArgument,
                 installation.folder() +
                     ": the path is too long for a socket in it; choose a "
                     "shorter one with --dir"};
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Error{ErrorCode::kIo, "make " + folder + ": " + error.message()};

  const std::string name = hostname();
  const std::string certificate = folder + "/cert.pem", key = folder + "/key.pem";
  if (!fs::exists(certificate, error) || !fs::exists(key, error))
    RETURN_IF_ERROR(make_certificate(name, certificate, key));

  std::string text =
      "# Written by `everpost local up`, anew each time.\n"
      "[node]\n"
      "id = " +
      std::to_string(node.id) +
      "\n"
      "hostname = " +
      quoted(name) +
      "\n"
      "data_folder = " +
      quoted(folder + "/data") +
      "\n"
      "\n"
      "[listen]\n"
      "admin_socket = " +
      quoted(installation.socket(node.id)) + "\n";
  for (const auto& [protocol, port] : node.ports)
    if (protocol != "pop3")  // reserved, see Installation::ports_of()
      text += protocol + " = " + quoted("127.0.0.1:" + std::to_string(port)) + "\n";
  if (installation.is_cluster()) text += cluster_section(installation, node);
  text +=
      "\n"
      "[tls]\n"
      "certificate = " +
      quoted(certificate) +
      "\n"
      "key = " +
      quoted(key) +
      "\n"
      "\n"
      "[auth]\n"
      "plaintext_on_loopback = true\n";
  return write_file(folder + "/everpost.toml", text);
}

Result<void> check_ports_are_free(const Installation& installation) {
  for (const LocalNode& node : installation.nodes) {
    for (const auto& [protocol, port] : node.ports)
      RETURN_IF_ERROR(check_is_free("127.0.0.1", port, protocol));
    if (!installation.is_cluster()) continue;
    RETURN_IF_ERROR(check_is_free(installation.cluster_address(node.id),
                                  installation.cluster_port(node.id), "cluster"));
    RETURN_IF_ERROR(
        check_is_free("127.0.0.1", installation.network_port(node.id), "the nodes' network"));
    for (const LocalZooKeeper& server : installation.zookeepers)
      RETURN_IF_ERROR(check_is_free("127.0.0.1", installation.network_port(node.id, server.id),
                                    "the nodes' network"));
  }
  for (const LocalZooKeeper& server : installation.zookeepers) {
    const cluster::ZooKeeperServer files = installation.server(server.id);
    for (const std::uint16_t port : {files.client_port, files.quorum_port, files.election_port})
      RETURN_IF_ERROR(check_is_free("127.0.0.1", port, "ZooKeeper"));
  }
  return {};
}

}  // namespace everpost::local
