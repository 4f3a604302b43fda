// The stored form: docs/formats/mime_summary.md.

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "node/mime/summary.h"

namespace everpost::node::mime {
namespace {

const std::string kTypical =
    "Return-Path: <alice.liddell@example.org>\r\n"
    "Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.net with ESMTPS;"
    "\r\n\tTue, 24 Nov 2026 05:10:11 +0000\r\n"
    "From: Alice Liddell <alice.liddell@example.org>\r\n"
    "To: Bob <bob@example.net>, \"Carol, C.\" <carol@example.net>\r\n"
    "Cc: dave@example.com\r\n"
    "Subject: =?utf-8?q?Notes_from_Tuesday=E2=80=99s_meeting?=\r\n"
    "Date: Tue, 24 Nov 2026 05:10:09 +0000\r\n"
    "Message-ID: <20261124051009.4f1c2a@mail.example.org>\r\n"
    "In-Reply-To: <d41d8cd98f00b204e9800998ecf8427e@example.net>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=\"=_d41d8cd98f00b204\"\r\n\r\n"
    "--=_d41d8cd98f00b204\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "Hello,=20\r\nsee attached.\r\n"
    "--=_d41d8cd98f00b204\r\n"
    "Content-Type: application/pdf; name=\"notes.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment; filename=\"notes.pdf\"\r\n\r\n"
    "JVBERi0xLjcK\r\n"
    "--=_d41d8cd98f00b204--\r\n";

TEST(SummaryFormat, KeepsEverything) {
  const std::string everything =
      "Sender: s@x\r\nReply-To: \r\nBcc: g: a@b;\r\nDate:\r\n"
      "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n"
      "Content-Type: message/rfc822\r\nContent-ID: <i>\r\nContent-MD5: m\r\nContent-Language: "
      "en\r\n"
      "Content-Location: l\r\nContent-Description: d\r\nContent-Disposition: inline; a=b; "
      "a=c\r\n\r\n"
      "From: <@r:x@y>\r\n\r\nhello\r\n--b--\r\n";
  for (const std::string& message : {std::string(), kTypical, everything}) {
    const Summary summary = summarize(message);
    const Result<Summary> decoded = decode(as_bytes(encode(summary)));
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_EQ(*decoded, summary);
  }
}

TEST(SummaryFormat, TakesFewBytes) {
  EXPECT_LE(encode(summarize(kTypical)).size(), 600U);
  EXPECT_LE(encode(summarize("Subject: x\r\n\r\nhello\r\n")).size(), 60U);
}

TEST(SummaryFormat, ADamagedOneIsCorruptAndNothingWorse) {
  const std::string stored = encode(summarize(kTypical));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = stored;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const Result<Summary> decoded = decode(as_bytes(damaged));
      if (!decoded) {
        EXPECT_TRUE(decoded.error().code == ErrorCode::kCorrupt ||
                    decoded.error().code == ErrorCode::kUnsupported);
      }
    }
    EXPECT_FALSE(decode(as_bytes(std::string_view(stored).substr(0, i))));
  }
}

// A file that version 1 wrote stays readable.
TEST(SummaryFormat, ReadsTheGoldenFile) {
  std::ifstream file(EVERPOST_GOLDEN "/mime/summary-1.bin", std::ios::binary);
  std::stringstream stored;
  stored << file.rdbuf();
  const Result<Summary> decoded = decode(as_bytes(stored.str()));
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(*decoded, summarize(kTypical));
  EXPECT_EQ(stored.str(), encode(*decoded));
}

}  // namespace
}  // namespace everpost::node::mime
