#include "node/mime/text.h"

#include <gtest/gtest.h>

namespace everpost::node::mime {
namespace {

TEST(DecodeHeader, DecodesEncodedWords) {
  struct Case {
    const char* value;
    const char* want;
  };
  const Case cases[] = {
      {"", ""},
      {"plain text", "plain text"},
      {"=?utf-8?q?J=C3=B6rg?= <a@b>", "J\u00f6rg <a@b>"},
      {"=?iso-8859-1?q?caf=E9?=", "caf\u00e9"},
      {"=?utf-8?B?5pel5pys?= =?utf-8?B?6Kqe?=", "\u65e5\u672c\u8a9e"},
      {"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "\u65e5\u672c"},
      {"raw utf-8 \u00e9", "raw utf-8 \u00e9"},
      {"=?utf-8?q?not closed", "=?utf-8?q?not closed"},
  };
  for (const Case& c : cases) EXPECT_EQ(decode_header(c.value), c.want) << c.value;
}

TEST(WrittenDay, IsTheSendersDay) {
  using namespace std::chrono;
  struct Case {
    const char* date;
    std::optional<sys_days> want;
  };
  const Case cases[] = {
      {"Tue, 24 Nov 2026 23:10:09 -0800", sys_days(2026y / November / 24)},
      {"24 Nov 2026 01:10:09 +0900", sys_days(2026y / November / 24)},
      {"Wed, 17 Jul 96 02:23:25 -0700 (PDT)", sys_days(1996y / July / 17)},
      {"", std::nullopt},
      {"yesterday", std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(written_day(c.date), c.want) << c.date;
}

std::string decoded(const std::string& header, std::string_view content, std::size_t piece) {
  const Summary summary = summarize(header + "\r\n");
  TextDecoder decoder(summary.root);
  std::string text;
  for (std::size_t at = 0; at < content.size(); at += piece)
    decoder.feed(content.substr(at, piece), text);
  decoder.finish(text);
  return text;
}

TEST(TextDecoder, UndoesEncodingAndCharsetInPiecesOfAnySize) {
  struct Case {
    const char* header;
    const char* content;
    const char* want;
  };
  const Case cases[] = {
      {"Subject: x\r\n", "hello", "hello"},
      {"Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; charset=utf-8\r\n",
       "caf=C3=A9 =\r\nau lait", "caf\u00e9 au lait"},
      {"Content-Transfer-Encoding: BASE64\r\nContent-Type: text/plain; charset=iso-8859-1\r\n",
       "Y2Fm\r\n6Q==", "caf\u00e9"},
      {"Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n",
       "YQBiAOkA", "ab\u00e9"},
      {"Content-Type: text/plain; charset=x-nobody-knows\r\n", "caf\xe9", "caf\xe9"},
      {"Content-Transfer-Encoding: x-unknown\r\n", "=41", "=41"},
  };
  for (const Case& c : cases)
    for (const std::size_t piece : {1, 2, 3, 1000})
      EXPECT_EQ(decoded(c.header, c.content, piece), c.want) << c.header << piece;
}

TEST(CaseFolder, MakesTheSameOfWhatReadsTheSame) {
  EXPECT_EQ(fold_case("Hello World"), "hello world");
  EXPECT_EQ(fold_case("STRASSE"), fold_case("stra\u00dfe"));
  EXPECT_EQ(fold_case("CAF\u00c9"), fold_case("cafe\u0301"));
  EXPECT_EQ(fold_case("\uff21\uff22"), "ab");  // full-width letters
  EXPECT_EQ(fold_case("soft\u00adhyphen"), "softhyphen");
  EXPECT_EQ(fold_case("\xff\xfe A"), "\xff\xfe a");  // not UTF-8
}

TEST(CaseFolder, DoesNotMindWhereItsInputIsCut) {
  std::string text = "Cafe\u0301 \u00c9T\u00c9 ";
  for (int i = 0; i < 300; ++i) text += "\u65e5";
  text += " END";
  const std::string want = fold_case(text);
  for (const std::size_t piece : {1, 2, 3, 5, 300}) {
    CaseFolder folder;
    std::string folded;
    for (std::size_t at = 0; at < text.size(); at += piece)
      folder.feed(std::string_view(text).substr(at, piece), folded);
    folder.finish(folded);
    EXPECT_EQ(folded, want) << piece;
  }
}

}  // namespace
}  // namespace everpost::node::mime
