// The command line without a daemon: what is understood, and what a failure looks like.
#include <gtest/gtest.h>

#include "node/cli/cli.h"
#include "node/cli/http_client.h"
#include "node/cli/table.h"

namespace everpost::cli {
namespace {

class Commands : public testing::Test {
 protected:
  Commands() {
    app_.require_subcommand(1);
    add_domain_commands(app_, cli_);
    add_account_commands(app_, cli_);
    add_alias_commands(app_, cli_);
    add_shard_commands(app_, cli_);
    add_status_command(app_, cli_);
    add_verify_command(app_, cli_);
  }
  bool understands(const std::string& words) {
    cli_.action = nullptr;
    try {
      app_.parse(words);
      return true;
    } catch (const CLI::ParseError&) {
      return false;
    }
  }

  CLI::App app_;
  Cli cli_;
};

TEST_F(Commands, ArePickedByNounAndVerb) {
  for (const char* words :
       {"domain add example.org", "domain list", "account add a@b.example --no-password",
        "account list --domain b.example", "account set-quota a@b.example 5G",
        "alias add info@b.example a@b.example c@b.example", "status", "verify", "status --watch",
        "status --watch 5", "node list", "shard list", "shard show 2", "shard switch 2",
        "shard switch 2 --to 3", "copies", "copies --shard 0 --watch",
        "why shard 2 --since 2h --limit 50"}) {
    SCOPED_TRACE(words);
    EXPECT_TRUE(understands(words));
    EXPECT_TRUE(cli_.action != nullptr);
  }
  for (const char* words : {"", "domain", "domain add", "account add", "alias add info@b.example",
                            "account fly a@b.example", "status now", "status --watch never",
                            "shard show", "shard switch 2 --to 0", "why", "why shard"}) {
    SCOPED_TRACE(words);
    EXPECT_FALSE(understands(words));
  }
}

TEST_F(Commands, SayWithoutADaemonWhatToDoAndExitWith3) {
  cli_.socket = "/nowhere/admin.sock";
  cli_.as_json = true;
  ASSERT_TRUE(understands("domain list"));
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int exit_code = cli_.action();
  const std::string out = testing::internal::GetCapturedStdout();
  const std::string err = testing::internal::GetCapturedStderr();
  EXPECT_EQ(exit_code, kUnreachable);
  const json::value answer = json::parse(out);
  const json::object& error = answer.at("error").as_object();
  EXPECT_EQ(error.at("code"), "unavailable");
  EXPECT_EQ(error.at("message"), "/nowhere/admin.sock: No such file or directory");
  EXPECT_NE(text(error, "remedy").find("--socket"), std::string::npos);
  EXPECT_TRUE(err.starts_with("everpost: /nowhere/admin.sock"));
}

TEST_F(Commands, RefuseAQuotaThatIsNoSizeBeforeTheyAskTheDaemon) {
  cli_.socket = "/nowhere/admin.sock";
  ASSERT_TRUE(understands("account set-quota a@b.example much"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(cli_.action(), kUsage);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("\"much\" is no size"), std::string::npos);
}

TEST(Sizes, AreReadAsTheyAreShown) {
  EXPECT_EQ(parse_size("20000"), 20000u);
  EXPECT_EQ(parse_size("1.5 KiB"), 1536u);
  EXPECT_EQ(parse_size("5G"), std::uint64_t{5} << 30);
  for (const char* wrong : {"", "much", "-1", "5X", "99999999999999999999"})
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  EXPECT_EQ(size_text(1536), "1.5 KiB");
}

TEST(PercentEncoding, LeavesOnlyWhatIsPlainInAPath) {
  EXPECT_EQ(percent_encode("a+b/c%@x.org"), "a%2Bb%2Fc%25@x.org");
}

}  // namespace
}  // namespace everpost::cli
