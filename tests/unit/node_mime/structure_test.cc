// ENVELOPE, BODY and BODYSTRUCTURE of whole messages, well made and broken.

#include <gtest/gtest.h>

#include "node/mime/summary.h"

namespace everpost::node::mime {
namespace {

struct Case {
  const char* name;
  std::string message;
  std::string want;
};

constexpr const char* kTextTail = "NIL NIL NIL NIL)";

TEST(BodyStructure, OfWellFormedMessages) {
  const Case cases[] = {
      {"the example of RFC 3501 §7.4.2, in small",
       "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nhello\r\nworld\r\n",
       R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 14 2 NIL NIL NIL NIL))"},
      {"no Content-Type is text/plain in US-ASCII", "Subject: x\r\n\r\nhello\r\n",
       R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 7 1 NIL NIL NIL NIL))"},
      {"every field of a single part",
       "Content-Type: application/pdf; name=\"a \\\"b\\\".pdf\"\r\n"
       "Content-Transfer-Encoding: base64\r\n"
       "Content-ID: <1@x>\r\n"
       "Content-Description: a\r\n picture\r\n"
       "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
       "Content-Disposition: attachment; filename=\"a.pdf\"; size=3\r\n"
       "Content-Language: en, de\r\n"
       "Content-Location: http://x/y\r\n\r\nAAAA\r\n",
       R"(("application" "pdf" ("name" "a \"b\".pdf") "<1@x>" "a picture" "base64" 6 )"
       R"("Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a.pdf" "size" "3")) )"
       R"(("en" "de") "http://x/y"))"},
      {"a multipart: the line ending before a boundary belongs to the boundary",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
       "--b\r\n\r\nhello\r\n"
       "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>\r\n\r\n"
       "--b--\r\nepilogue\r\n",
       R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 0 NIL NIL NIL NIL))"
       R"(("text" "html" ("charset" "utf-8") NIL NIL "7BIT" 5 1 NIL NIL NIL NIL) )"
       R"("mixed" ("boundary" "b") NIL NIL NIL))"},
      {"a multipart in a multipart",
       "Content-Type: multipart/mixed; boundary=out\r\n\r\n"
       "--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
       "--in\r\n\r\na\r\n--in\r\nContent-Type: text/html\r\n\r\nb\r\n--in--\r\n"
       "--out\r\nContent-Type: image/png\r\n\r\nc\r\n--out--\r\n",
       R"(((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL))"
       R"(("text" "html" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) )"
       R"("alternative" ("boundary" "in") NIL NIL NIL))"
       R"(("image" "png" NIL NIL NIL "7BIT" 1 NIL NIL NIL NIL) )"
       R"("mixed" ("boundary" "out") NIL NIL NIL))"},
      {"a message in a message has its envelope, its structure and its lines",
       "Content-Type: message/rfc822\r\n\r\n"
       "Subject: inner\r\nFrom: a@b\r\n\r\nhello\r\n",
       R"(("message" "rfc822" NIL NIL NIL "7BIT" 36 )"
       R"((NIL "inner" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) )"
       R"(NIL NIL NIL NIL NIL) )"
       R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 7 1 NIL NIL NIL NIL) 4 )"
       R"(NIL NIL NIL NIL))"},
      {"the parts of a digest are messages (RFC 2046 §5.1.5)",
       "Content-Type: multipart/digest; boundary=b\r\n\r\n"
       "--b\r\n\r\nSubject: 1\r\n\r\nx\r\n"
       "--b\r\nContent-Type: text/plain\r\n\r\ny\r\n--b--\r\n",
       R"((("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 15 )"
       R"((NIL "1" NIL NIL NIL NIL NIL NIL NIL NIL) )"
       R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) 2 )"
       R"(NIL NIL NIL NIL))"
       R"(("text" "plain" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) )"
       R"("digest" ("boundary" "b") NIL NIL NIL))"},
      {"lines may end with LF alone",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n\n--b--\n",
       R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 6 1 NIL NIL NIL NIL) )"
       R"("mixed" ("boundary" "b") NIL NIL NIL))"},
      {"blanks may follow a boundary (RFC 2046 §5.1.1, transport-padding)",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\nx\r\n--b-- \r\n",
       R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) )"
       R"("mixed" ("boundary" "b") NIL NIL NIL))"},
      {"comments in structured fields are not values (RFC 2045 §5.1)",
       "Content-Type: text/plain; charset=us-ascii (Plain text); format=flowed\r\n"
       "Content-Transfer-Encoding: (none) 8bit (at all)\r\n\r\n",
       R"(("text" "plain" ("charset" "us-ascii" "format" "flowed") NIL NIL "8bit" 0 0 )"
       R"(NIL NIL NIL NIL))"},
      {"a boundary as RFC 2231 lets it be written",
       "Content-Type: multipart/mixed; boundary*=us-ascii''a%20b\r\n\r\n--a b\r\n\r\nx\r\n--a b--",
       R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) )"
       R"("mixed" ("boundary*" "us-ascii''a%20b") NIL NIL NIL))"},
      {"a boundary in pieces",
       "Content-Type: multipart/mixed; boundary*0*=''a%; "
       "boundary*1=\"b\"\r\n\r\n--a%b\r\n\r\nx\r\n",
       R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 1 NIL NIL NIL NIL) )"
       R"("mixed" ("boundary*0*" "''a%" "boundary*1" "b") NIL NIL NIL))"},
      {"RFC 2231's parameters stay as they are for the client to decode",
       "Content-Type: application/x; name*0*=utf-8''a%20;\r\n\tname*1=\"b;c\"\r\n\r\n",
       R"(("application" "x" ("name*0*" "utf-8''a%20" "name*1" "b;c") NIL NIL "7BIT" 0 )"
       R"(NIL NIL NIL NIL))"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(imap_body_structure(summarize(c.message).root), c.want);
  }
}

TEST(BodyStructure, OfBrokenMessages) {
  const std::string text = R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" )";
  const std::string none = text + "0 0 NIL NIL NIL NIL)";
  const auto part = [&](int bytes, int lines) {
    return text + std::to_string(bytes) + " " + std::to_string(lines) + " " + kTextTail;
  };
  const std::string mixed = R"( "mixed" ("boundary" "b") NIL NIL NIL))";
  const std::string header = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  const Case cases[] = {
      {"nothing at all", "", part(0, 0)},
      {"an empty line only", "\r\n", part(0, 0)},
      {"no body and no empty line", "Subject: x\r\n", part(0, 0)},
      {"a header cut in the middle of a line", "Subject: x", part(0, 0)},
      {"no final CRLF", "Subject: x\r\n\r\nhello", part(5, 0)},
      {"text without a header is all body", "hello world\r\nfoo\r\n", part(18, 2)},
      {"an mbox separator before the header", "From a@b Mon\r\nSubject: x\r\n\r\nhi\r\n",
       part(4, 1)},
      {"a line without a colon in the header is passed over",
       "Subject: x\r\njunk\r\n" + header + "--b\r\n\r\nx\r\n--b--\r\n", "(" + part(1, 0) + mixed},
      {"a header that runs into the text without an empty line",
       "Subject: x\r\nhello, you\r\nNote: this\r\n", part(24, 2)},
      {"a part's header that runs into the text",
       header + "--b\r\nContent-Transfer-Encoding: 7BIT\r\nhello\r\nyou\r\n--b--\r\n",
       "(" + part(10, 1) + mixed},
      {"the closing boundary is missing", header + "--b\r\n\r\nhello\r\n",
       "(" + part(7, 1) + mixed},
      {"the boundary never comes: a multipart has to have a part", header + "hello\r\n",
       "(" + none + mixed},
      {"only the closing boundary comes", header + "--b--\r\n", "(" + none + mixed},
      {"a multipart without a boundary",
       "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
       "(" + none + R"( "mixed" NIL NIL NIL NIL))"},
      {"an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n",
       "(" + none + R"( "mixed" ("boundary" "") NIL NIL NIL))"},
      {"a boundary straight after a boundary", header + "--b\r\n--b\r\n\r\nx\r\n--b--\r\n",
       "(" + part(0, 0) + part(1, 0) + mixed},
      {"a part whose header has no empty line",
       header + "--b\r\nContent-Transfer-Encoding: 7BIT\r\n--b\r\n\r\nx\r\n--b--\r\n",
       "(" + part(0, 0) + part(1, 0) + mixed},
      {"a part without header and empty line", header + "--b\r\nhello, you\r\n--b--\r\n",
       "(" + part(10, 0) + mixed},
      {"an empty body", header + "--b\r\n\r\n--b--\r\n", "(" + part(0, 0) + mixed},
      {"boundaries after the closing one are text",
       header + "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n", "(" + part(1, 0) + mixed},
      {"the same boundary inside belongs to the inner multipart",
       header + "--b\r\n" + header + "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\nyy\r\n--b--\r\n",
       "((" + part(1, 0) + mixed + part(2, 0) + mixed},
      {"an inner multipart that is not closed ends at the outer boundary",
       header + "--b\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n"
                "--b\r\n\r\nyy\r\n--b--\r\n",
       "((" + part(1, 0) + R"( "mixed" ("boundary" "in") NIL NIL NIL))" + part(2, 0) + mixed},
      {"a boundary that begins like the outer one",
       header +
           "--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n"
           "--b\r\n\r\nyy\r\n--b--\r\n",
       "((" + part(1, 0) + R"( "mixed" ("boundary" "bb") NIL NIL NIL))" + part(2, 0) + mixed},
      {"an outer boundary that looks like the inner one and more",
       "Content-Type: multipart/mixed; boundary=bb\r\n\r\n"
       "--bb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
       "--bb\r\n\r\nyy\r\n--bb--\r\n",
       "((" + part(1, 0) + mixed + part(2, 0) + R"( "mixed" ("boundary" "bb") NIL NIL NIL))"},
      {"a boundary with text behind it still is one (RFC 2046 §5.1.1)",
       header + "--b and more\r\n\r\nx\r\n--b--more\r\n", "(" + part(1, 0) + mixed},
      {"a content type that cannot be read is text/plain (RFC 2045 §5.2)",
       "Content-Type: text\r\n\r\nx\r\n", part(3, 1)},
      {"of two content types the first counts",
       "Content-Type: text/html\r\nContent-Type: image/png\r\n\r\n",
       R"(("text" "html" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL))"},
      {"values without quotes, with blanks and signs that want quotes",
       "Content-Type: application/x; name=my file (1).pdf; boundary=----=_Part/1?=\r\n\r\n",
       R"(("application" "x" ("name" "my file .pdf" "boundary" "----=_Part/1?=") NIL NIL )"
       R"("7BIT" 0 NIL NIL NIL NIL))"},
      {"a quote that is not closed", "Content-Type: application/x; name=\"a; b\r\n\r\n",
       R"(("application" "x" ("name" "a; b") NIL NIL "7BIT" 0 NIL NIL NIL NIL))"},
      {"8-bit values are literals", "Content-Type: application/x; name=\"\xc3\xa9\"\r\n\r\n",
       "(\"application\" \"x\" (\"name\" {2}\r\n\xc3\xa9) NIL NIL \"7BIT\" 0 NIL NIL NIL NIL)"},
      {"a NUL in a value and in a body",
       std::string("Content-Description: a\0b\r\n\r\nx\0y\r\n", 33),
       R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL "a?b" "7BIT" 5 1 NIL NIL NIL NIL))"},
      {"a message in base64, which RFC 2046 §5.2.1 forbids, is text inside",
       "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdA==\r\n",
       R"(("message" "rfc822" NIL NIL NIL "base64" 14 )"
       R"((NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) )" +
           part(14, 1) + " 1 NIL NIL NIL NIL)"},
      {"an empty message in a message", "Content-Type: message/rfc822\r\n\r\n",
       R"(("message" "rfc822" NIL NIL NIL "7BIT" 0 )"
       R"((NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) )" +
           part(0, 0) + " 0 NIL NIL NIL NIL)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(imap_body_structure(summarize(c.message).root), c.want);
  }
}

TEST(Body, HasNoExtensionData) {
  const Summary summary = summarize(
      "Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en\r\n\r\n"
      "--b\r\nContent-Disposition: inline\r\n\r\nx\r\n--b--\r\n");
  EXPECT_EQ(imap_body(summary.root),
            R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0) "mixed"))");
}

TEST(Envelope, OfMessages) {
  const std::string nils = " NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
  const Case cases[] = {
      {"the example of RFC 3501 §8",
       "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
       "From: Terry Gray <gray@cac.washington.edu>\r\n"
       "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
       "To: imap@cac.washington.edu\r\n"
       "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
       "Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n",
       R"x(("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" )x"
       R"((("Terry Gray" NIL "gray" "cac.washington.edu")) )"
       R"((("Terry Gray" NIL "gray" "cac.washington.edu")) )"
       R"((("Terry Gray" NIL "gray" "cac.washington.edu")) )"
       R"(((NIL NIL "imap" "cac.washington.edu")) )"
       R"(((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) )"
       R"(NIL NIL "<B27397-0100000@cac.washington.edu>"))"},
      {"an absent field is NIL, an empty one is empty", "Subject:\r\nTo:\r\n\r\n",
       R"((NIL "" NIL NIL NIL NIL NIL NIL NIL NIL))"},
      {"folded values on one line", "Subject: a\r\n b\r\n\tc\r\n\r\n",
       "(NIL \"a b\tc\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
      {"encoded-words stay as they are", "Subject: =?utf-8?q?=C3=A9?= \"x\\y\"\r\n\r\n",
       R"((NIL "=?utf-8?q?=C3=A9?= \"x\\y\"" NIL NIL NIL NIL NIL NIL NIL NIL))"},
      {"8-bit headers are literals", "Subject: caf\xe9\r\n\r\n",
       "(NIL {4}\r\ncaf\xe9 NIL NIL NIL NIL NIL NIL NIL NIL)"},
      {"a CR in a value makes it a literal", "Subject: a\rb\r\n\r\n",
       "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)"},
      {"of a repeated subject the first counts", "Subject: a\r\nSubject: b\r\n\r\n",
       R"((NIL "a" NIL NIL NIL NIL NIL NIL NIL NIL))"},
      {"a blank before the colon (RFC 5322 §4.5)", "Subject : a\r\n\r\n",
       R"((NIL "a" NIL NIL NIL NIL NIL NIL NIL NIL))"},
      {"sender and reply-to of their own", "From: a@b\r\nSender: c@d\r\nReply-To: e@f\r\n\r\n",
       R"((NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "e" "f")) )"
       "NIL NIL NIL NIL NIL)"},
      {"fields of the body are no fields", "Date: x\r\n\r\nSubject: b\r\n", "(\"x\"" + nils},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(imap_envelope(summarize(c.message).envelope), c.want);
  }
}

}  // namespace
}  // namespace everpost::node::mime
