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

Result<void> check_ports_are_free(const Ports& ports) {
  asio::io_context context;
  for (const auto& [protocol, port] : ports) {
    asio::ip::tcp::acceptor acceptor(context);
    error_code error;
    acceptor.open(asio::ip::tcp::v4(), error);
    if (!error) acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind({asio::ip::address_v4::loopback(), port}, error);
    if (error)
      return Error{ErrorCode::kAlreadyExists, "port " + std::to_string(port) + " (" + protocol +
                                                  "): " + error.message() +
                                                  "; choose others with --base-port"};
  }
  return {};
}

}  // namespace everpost::local
