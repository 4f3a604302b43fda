#include "node/imap/search/search_result.h"

#include <gtest/gtest.h>

namespace everpost::node::imap {
namespace {

SearchResult found(std::vector<std::pair<std::uint32_t, std::uint64_t>> messages) {
  SearchResult result;
  for (const auto& [number, modseq] : messages) result.add(number, ModSeq{modseq});
  return result;
}

SearchRequest request(std::optional<SearchReturn> want, bool modseq) {
  SearchRequest request;
  request.want = want;
  if (modseq) request.key.kind = SearchKey::Kind::kModSeq;
  return request;
}

SearchReturn options(std::string_view letters) {
  const auto has = [&](char c) { return letters.find(c) != std::string_view::npos; };
  SearchReturn want;
  want.min = has('n');
  want.max = has('x');
  want.all = has('a');
  want.count = has('c');
  return want;
}

TEST(SearchResult, AsSearchResponse) {
  EXPECT_EQ(found({}).response(request({}, false), "a1", false), "* SEARCH\r\n");
  EXPECT_EQ(found({}).response(request({}, true), "a1", false), "* SEARCH\r\n");
  EXPECT_EQ(found({{2, 9}, {3, 8}, {7, 1}}).response(request({}, false), "a1", true),
            "* SEARCH 2 3 7\r\n");
  EXPECT_EQ(found({{2, 9}, {3, 8}, {4294967295U, 1}}).response(request({}, true), "a1", true),
            "* SEARCH 2 3 4294967295 (MODSEQ 9)\r\n");
}

TEST(SearchResult, AsEsearchResponse) {
  const SearchResult result = found({{2, 5}, {3, 9}, {4, 1}, {7, 6}});
  struct Case {
    const char* options;
    bool modseq;
    const char* want;
  };
  const Case cases[] = {
      {"a", false, " ALL 2:4,7"},
      {"n", false, " MIN 2"},
      {"x", false, " MAX 7"},
      {"c", false, " COUNT 4"},
      {"nxac", false, " MIN 2 MAX 7 ALL 2:4,7 COUNT 4"},
      // RFC 7162 §3.1.10: whose modseq.
      {"n", true, " MIN 2 MODSEQ 5"},
      {"x", true, " MAX 7 MODSEQ 6"},
      {"nx", true, " MIN 2 MAX 7 MODSEQ 6"},
      {"nc", true, " MIN 2 COUNT 4 MODSEQ 9"},
      {"a", true, " ALL 2:4,7 MODSEQ 9"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(result.response(request(options(c.options), c.modseq), "a1", true),
              std::string("* ESEARCH (TAG \"a1\") UID") + c.want + "\r\n");
  EXPECT_EQ(result.response(request(options("a"), false), "b\"2", false),
            "* ESEARCH (TAG \"b\\\"2\") ALL 2:4,7\r\n");
}

TEST(SearchResult, OfNothingHasOnlyACount) {
  EXPECT_EQ(found({}).response(request(options("nxac"), true), "a1", false),
            "* ESEARCH (TAG \"a1\") COUNT 0\r\n");
}

}  // namespace
}  // namespace everpost::node::imap
