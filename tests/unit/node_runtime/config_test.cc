#include "node/runtime/config.h"

#include <gtest/gtest.h>
#include <string>

#include "tests/unit/node_net/certificate.h"

namespace everpost::node {
namespace {

const std::string kNode = "[node]\ndata_folder = \"/var/lib/everpost\"\n";

TEST(Config, TakesACompleteFile) {
  const TestCertificate tls;
  const auto config = parse_config(
      "[node]\nid = 7\nhostname = \"mail.example.org\"\ndata_folder = \"/data\"\nuser = \"root\"\n"
      "group = \"root\"\nthreads = 3\nshards = 8\nmin_free_percent = 7\n"
      "[listen]\nsmtp = [\"0.0.0.0:25\", \"[::]:25\"]\nimaps = \"127.0.0.1:993\"\n"
      "[tls]\ncertificate = \"" +
          tls.certificate + "\"\nkey = \"" + tls.key +
          "\"\n"
          "[limits]\nmessage_bytes = \"10 MiB\"\nconnections = 5\n"
          "[auth]\nplaintext_on_loopback = true\n[log]\nlevel = \"debug\"\nfile = \"/tmp/log\"\n",
      "e.toml");
  ASSERT_TRUE(config) << to_string(config.error());
  EXPECT_EQ(config->id, NodeId{7});
  EXPECT_EQ(config->hostname, "mail.example.org");
  EXPECT_EQ(config->data_folder, "/data");
  EXPECT_EQ(config->user, "root");
  EXPECT_EQ(config->threads, 3u);
  EXPECT_EQ(config->shards, 8u);
  EXPECT_EQ(config->min_free_percent, 7u);
  ASSERT_EQ(config->listeners.size(), 2u);
  EXPECT_EQ(config->listeners[0].protocol, Protocol::kSmtp);
  ASSERT_EQ(config->listeners[0].addresses.size(), 2u);
  EXPECT_EQ(config->listeners[0].addresses[1].host, "::");
  EXPECT_EQ(config->listeners[0].addresses[1].port, 25);
  EXPECT_EQ(config->admin_socket, "/data/admin.sock");
  EXPECT_EQ(config->message_bytes, 10u << 20);
  EXPECT_EQ(config->recipients, 1000u);
  EXPECT_EQ(config->connections, 5u);
  EXPECT_TRUE(config->plaintext_on_loopback);
  EXPECT_EQ(config->log_level, "debug");
}

TEST(Config, NeedsLittle) {
  const auto config = parse_config(kNode + "[listen]\nsmtp = \"0.0.0.0:25\"\n", "e.toml");
  ASSERT_TRUE(config) << to_string(config.error());
  EXPECT_EQ(config->id, NodeId{1});
  EXPECT_FALSE(config->hostname.empty());
  EXPECT_EQ(config->shards, 4u);
  EXPECT_EQ(config->min_free_percent, 5u);
  EXPECT_FALSE(config->plaintext_on_loopback);
}

TEST(Config, SaysWhereWhatIsWrongAndWhatToDo) {
  struct Case {
    const char* name;
    std::string text;
    std::string want;
  };
  const std::string listen = "[listen]\nsmtp = \"0.0.0.0:25\"\n";
  const Case cases[] = {
      {"not TOML", "[node]\nid = = 1\n", "e.toml:2:6: not TOML: "},
      {"key twice", "[node]\nid = 1\nid = 2\n", "e.toml:3:"},
      {"unknown key", kNode + "colour = \"red\"\n" + listen,
       "e.toml:3:1: node.colour: unknown key; the keys of [node] are id, threads, shards, "
       "min_free_percent, undelete_minutes, scrub_mb_per_second, hostname, data_folder, user, "
       "group"},
      {"unknown section", kNode + listen + "[nodes]\nid = 1\n",
       "e.toml:5:2: nodes: unknown section; the sections are node, tls, auth, listen, cluster, "
       "limits, log"},
      {"key outside", "id = 1\n" + kNode + listen, "e.toml:1:1: id: a key outside the sections; "},
      {"section that is a value", "log = 1\n" + kNode + listen,
       "e.toml:1:7: log: is not a section; write [log]"},
      {"wrong type: number", "[node]\nid = \"one\"\ndata_folder = \"/d\"\n" + listen,
       "e.toml:2:6: node.id: is not a number; write a whole number from 1 to 4294967295"},
      {"wrong type: string", "[node]\ndata_folder = 5\n" + listen,
       "e.toml:2:15: node.data_folder: is not a string; put it in quotes: data_folder = \"...\""},
      {"wrong type: boolean", kNode + listen + "[auth]\nplaintext_on_loopback = \"yes\"\n",
       "e.toml:6:25: auth.plaintext_on_loopback: is not a boolean; write true or false"},
      {"wrong type: array of numbers", kNode + "[listen]\nsmtp = [25]\n",
       "e.toml:4:8: listen.smtp: is neither a string nor an array of strings; "},
      {"out of range", "[node]\nshards = 0\ndata_folder = \"/d\"\n" + listen,
       "e.toml:2:10: node.shards: 0 is out of range; write a whole number from 1 to 1024"},
      {"negative", kNode + listen + "[limits]\nconnections = -1\n",
       "e.toml:6:15: limits.connections: -1 is out of range; "},
      {"no data folder", "[node]\nid = 1\n" + listen,
       "e.toml:1:1: node.data_folder: is missing; say where mail is kept: "},
      {"empty file", "", "e.toml: node.data_folder: is missing; "},
      {"relative path", "[node]\ndata_folder = \"data\"\n" + listen,
       "e.toml:2:15: node.data_folder: \"data\" is not an absolute path; start it with /"},
      {"host name", "[node]\nhostname = \"mail_1\"\ndata_folder = \"/d\"\n" + listen,
       "e.toml:2:12: node.hostname: \"mail_1\" is not a host name; write it like "},
      {"unknown user", kNode + "user = \"no-such-user\"\n" + listen,
       "e.toml:3:8: node.user: there is no user \"no-such-user\" on this machine; make it "},
      {"unknown group", kNode + "user = \"root\"\ngroup = \"no-such-group\"\n" + listen,
       "e.toml:4:9: node.group: there is no group \"no-such-group\" on this machine; "},
      {"group alone", kNode + "group = \"root\"\n" + listen,
       "e.toml:3:9: node.group: is set without user; set node.user as well"},
      {"address without port", kNode + "[listen]\nsmtp = \"0.0.0.0\"\n",
       "e.toml:4:8: listen.smtp: \"0.0.0.0\" is not an address and a port; write it like "
       "\"0.0.0.0:25\" or \"[::]:25\""},
      {"IPv6 without brackets", kNode + "[listen]\nsmtp = \"::1:25\"\n", "is not an address"},
      {"a name for an address", kNode + "[listen]\nsmtp = \"localhost:25\"\n", "is not an address"},
      {"port 0", kNode + "[listen]\nsmtp = \"127.0.0.1:0\"\n", "is not an address and a port"},
      {"port 65536", kNode + "[listen]\nsmtp = \"127.0.0.1:65536\"\n", "is not an address"},
      {"port twice", kNode + "[listen]\nsmtp = \"127.0.0.1:25\"\nlmtp = \"127.0.0.1:25\"\n",
       "e.toml:5:8: listen.lmtp: 127.0.0.1:25 is taken by listen.smtp (127.0.0.1:25); give each "
       "protocol a port of its own"},
      {"port twice by wildcard",
       kNode + "[listen]\nsmtp = \"0.0.0.0:25\"\nlmtp = \"127.0.0.1:25\"\n",
       "e.toml:5:8: listen.lmtp: 127.0.0.1:25 is taken by listen.smtp (0.0.0.0:25); "},
      {"nothing to listen on", kNode + "[listen]\n",
       "e.toml:3:1: listen: nothing to listen on; add a line like smtp = \"0.0.0.0:25\""},
      {"imaps without certificate", kNode + "[listen]\nimaps = \"127.0.0.1:993\"\n",
       "e.toml:4:9: listen.imaps: needs a certificate; set tls.certificate and tls.key"},
      {"submission without certificate", kNode + "[listen]\nsubmission = \"127.0.0.1:587\"\n",
       "e.toml:4:14: listen.submission: needs a certificate; "},
      {"imap that nobody can use", kNode + "[listen]\nimap = \"127.0.0.1:143\"\n",
       "e.toml:4:8: listen.imap: nobody could log in without a certificate; "},
      {"key without certificate", kNode + listen + "[tls]\nkey = \"/etc/hostname\"\n",
       "e.toml:6:7: tls.key: is set alone; set tls.certificate and tls.key, or neither"},
      {"missing file",
       kNode + listen + "[tls]\ncertificate = \"/nowhere/c\"\nkey = \"/nowhere/k\"\n",
       "e.toml:6:15: tls.certificate: /nowhere/c: No such file or directory; name a PEM file "},
      {"too few recipients", kNode + listen + "[limits]\nrecipients = 99\n",
       "e.toml:6:14: limits.recipients: 99 is out of range; "},
      {"bad unit", kNode + listen + "[limits]\nmessage_bytes = \"50 MB\"\n",
       "e.toml:6:17: limits.message_bytes: \"50 MB\" is not a number of bytes; write it like "
       "52428800 or \"50 MiB\""},
      {"bytes out of range", kNode + listen + "[limits]\nmessage_bytes = \"2 GiB\"\n",
       "e.toml:6:17: limits.message_bytes: \"2 GiB\" is out of range; "},
      {"bytes overflow", kNode + listen + "[limits]\nmessage_bytes = \"99999999999 GiB\"\n",
       "is not a number of bytes"},
      {"log level", kNode + listen + "[log]\nlevel = \"loud\"\n",
       "e.toml:6:9: log.level: \"loud\" is not a level; choose debug, info, warning or error"},
      {"the first of two complaints", kNode + "[listen]\nsmtp = \"x\"\n[log]\nlevel = \"loud\"\n",
       "e.toml:4:8: listen.smtp: "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto config = parse_config(c.text, "e.toml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(config.error().context.find(c.want), std::string::npos)
        << "got  " << config.error().context << "\nwant " << c.want;
    EXPECT_EQ(config.error().context.find('\n'), std::string::npos) << "one line";
  }
}

TEST(Config, ListensOnBothFamiliesOfAPort) {
  EXPECT_TRUE(parse_config(kNode + "[listen]\nsmtp = [\"0.0.0.0:25\", \"[::]:25\"]\n", "e.toml"));
}

TEST(Config, NamesAFileThatIsNotThere) {
  const auto config = load_config("/nowhere/everpost.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().context,
            "/nowhere/everpost.toml: No such file or directory; name the configuration with "
            "--config FILE");
}

}  // namespace
}  // namespace everpost::node
