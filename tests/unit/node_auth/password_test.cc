#include "node/auth/password.h"

#include <gtest/gtest.h>

namespace everpost::node {
namespace {

constexpr HashCost kCheap{1, 8192, 1};

TEST(Password, FitsItsOwnHashOnly) {
  const storage::Credentials credentials = hash_password("correct horse", kCheap).value();
  EXPECT_TRUE(credentials.argon2id.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
  EXPECT_TRUE(verify_argon2id(credentials.argon2id, prepare_password("correct horse").value()));
  EXPECT_FALSE(verify_argon2id(credentials.argon2id, prepare_password("Correct horse").value()));
}

TEST(Password, HasOtherSaltsEachTime) {
  const storage::Credentials one = hash_password("secret", kCheap).value();
  const storage::Credentials two = hash_password("secret", kCheap).value();
  EXPECT_NE(one.argon2id, two.argon2id);
  EXPECT_NE(one.scram_salt, two.scram_salt);
  EXPECT_NE(one.scram_stored_key, two.scram_stored_key);
}

TEST(Password, IsTheSameHoweverItsLettersWereTyped) {
  const storage::Credentials composed = hash_password(
                                            "stra\xc3\x9f"
                                            "e \xc3\xa4",
                                            kCheap)
                                            .value();
  const Secret decomposed = prepare_password(
                                "stra\xc3\x9f"
                                "e a\xcc\x88")
                                .value();
  EXPECT_TRUE(verify_argon2id(composed.argon2id, decomposed));
}

TEST(Password, EmojiAreFine) {
  EXPECT_TRUE(prepare_password("pass\xf0\x9f\x98\x80")) << "newer than Unicode 3.2";
}

TEST(Password, IsRefusedIfItCannotBePrepared) {
  struct Case {
    const char* name;
    std::string password;
  };
  const Case cases[] = {
      {"empty", ""},
      {"a control character", "pass\x01word"},
      {"a NUL", std::string("pass\0word", 9)},
      {"not UTF-8", "pass\xff"},
      {"nothing is left of it", "\xc2\xad"},
      {"more than 1024 bytes", std::string(1025, 'a')},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto credentials = hash_password(c.password, kCheap);
    ASSERT_FALSE(credentials);
    EXPECT_EQ(credentials.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Password, FitsNoHashThatIsNone) {
  const Secret password = prepare_password("secret").value();
  EXPECT_FALSE(verify_argon2id("", password));
  EXPECT_FALSE(verify_argon2id("secret", password));
  EXPECT_FALSE(verify_argon2id("$argon2id$v=19$m=8,t=1,p=1$!$!", password));
  EXPECT_FALSE(verify_argon2id(std::string(4096, '$'), password));
}

TEST(Password, OfAnUnknownLoginIsCheckedAgainstARealHash) {
  const std::string hash = unmatchable_argon2id(kCheap);
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << hash;
  EXPECT_EQ(hash.size(), hash_password("secret", kCheap)->argon2id.size());
  EXPECT_FALSE(verify_argon2id(hash, prepare_password("secret").value()));
}

}  // namespace
}  // namespace everpost::node
