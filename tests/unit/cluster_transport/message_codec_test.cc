#include "cluster/transport/message_codec.h"

#include <gtest/gtest.h>
#include <set>

#include "tests/unit/cluster_transport/messages.h"

namespace everpost::cluster {
namespace {

using namespace replication;

std::string encode(const Message& message) {
  return cluster::encode(message, test_cluster(), kShard);
}
Result<Message> decode(std::string_view bytes) {
  return cluster::decode(as_bytes(bytes), test_cluster(), kShard);
}

TEST(MessageCodec, EveryKindOfMessageComesBackAsItWas) {
  std::set<std::size_t> kinds;
  for (const Message& message : test_messages()) {
    SCOPED_TRACE(name_of(message.payload));
    kinds.insert(message.payload.index());
    const std::string bytes = encode(message);
    const auto back = decode(bytes);
    ASSERT_TRUE(back) << to_string(back.error());
    EXPECT_EQ(back->from, message.from);
    EXPECT_EQ(back->incarnation, message.incarnation);
    EXPECT_EQ(back->lineage, message.lineage);
    EXPECT_EQ(back->epoch, message.epoch);
    EXPECT_EQ(back->payload.index(), message.payload.index());
    EXPECT_EQ(encode(*back), bytes);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Payload>);
}

TEST(MessageCodec, FieldsDoNotChangePlaces) {
  const Message message = test_messages()[1];
  const auto back = decode(encode(message));
  ASSERT_TRUE(back);
  const auto& reply = std::get<ProbeReply>(back->payload);
  const auto& want = std::get<ProbeReply>(message.payload);
  EXPECT_EQ(reply.table, want.table);
  EXPECT_EQ(reply.durable, want.durable);
  EXPECT_EQ(reply.commit, want.commit);
  EXPECT_TRUE(reply.suspect && reply.hole && !reply.coordinator_up);
}

TEST(MessageCodec, RecordsComeBackWithMetaAndBody) {
  for (const std::size_t which : {4u, 16u}) {
    const Message message = test_messages()[which];
    const auto back = decode(encode(message));
    ASSERT_TRUE(back) << to_string(back.error());
    const auto records = [](const Message& from) {
      const auto* append = std::get_if<Append>(&from.payload);
      return append ? append->records : std::get<Range>(from.payload).records;
    };
    ASSERT_EQ(records(*back).size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      const LogRecord &got = *records(*back)[i], &want = *records(message)[i];
      EXPECT_EQ(end_of(got), end_of(want));
      EXPECT_EQ(got.meta, want.meta);
      std::string body, want_body;
      for (const auto& part : got.body) body += *part;
      for (const auto& part : want.body) want_body += *part;
      EXPECT_TRUE(body == want_body);
    }
  }
}

TEST(MessageCodec, ReadsFromAnyAddress) {
  const std::string shifted = "x" + encode(test_messages()[4]);
  EXPECT_TRUE(decode(std::string_view(shifted).substr(1)));
}

TEST(MessageCodec, ADamagedRecordIsNotTaken) {
  const std::string bytes = encode(test_messages()[4]);
  for (const std::string_view part : {"meta of 5", "bbbb", "cccc"}) {
    std::string damaged = bytes;
    damaged[damaged.find(part) + 3] ^= 1;
    const auto got = decode(damaged);
    ASSERT_FALSE(got) << part;
    EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
  }
}

TEST(MessageCodec, RecordsOfAnotherLogAreNotTaken) {
  const std::string bytes = encode(test_messages()[4]);
  EXPECT_FALSE(cluster::decode(as_bytes(bytes), test_cluster(), ShardId{4}));
  EXPECT_FALSE(cluster::decode(as_bytes(bytes), test_uuid(9), kShard));
}

TEST(MessageCodec, RecordsThatDoNotFollowEachOtherAreNotTaken) {
  Message message = test_messages()[4];
  auto& records = std::get<Append>(message.payload).records;
  std::swap(records[1], records[2]);
  EXPECT_EQ(decode(encode(message)).error().code, ErrorCode::kCorrupt);
  records = {records[2]};
  EXPECT_EQ(decode(encode(message)).error().code, ErrorCode::kCorrupt);
}

TEST(MessageCodec, NothingThatIsCutShortIsTaken) {
  for (const Message& message : test_messages()) {
    const std::string bytes = encode(message);
    for (std::size_t size = 0; size < bytes.size(); size += size < 512 ? 1 : 1009)
      EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size))) << name_of(message.payload);
  }
}

TEST(MessageCodec, ATableOfEpochsOutOfOrderIsNotTaken) {
  Message message = test_messages()[1];
  auto& table = std::get<ProbeReply>(message.payload).table;
  std::swap(table[0], table[1]);
  EXPECT_EQ(decode(encode(message)).error().code, ErrorCode::kCorrupt);
  table.assign(kEpochTableMax + 1, {});
  EXPECT_EQ(decode(encode(message)).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace everpost::cluster
