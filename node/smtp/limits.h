// What one conversation may use. Those that an administrator may want to change are in Config; all
// are described in docs/smtp.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace everpost::node::smtp {

// --- lines, CRLF included

constexpr std::size_t kCommandLineBytes = 512;  // RFC 5321 §4.5.3.1.4
// MAIL and RCPT carry parameters, each of which raises the limit (RFC 1870, 3461, 4954, 6152,
// 6531).
constexpr std::size_t kMailLineBytes = 2048;
constexpr std::size_t kAuthLineBytes = 12288;  // RFC 4954 §4
constexpr std::size_t kReplyLineBytes = 512;   // RFC 5321 §4.5.3.1.5

// RFC 5321 §4.5.3.1.6 lets senders have 1000 bytes in a line of text. Real mail has longer ones,
// and cutting them would break signatures: they are taken whole up to here, and refused above.
constexpr std::size_t kTextLineBytes = 64 << 10;

// --- messages

constexpr std::size_t kHeaderBytes = 128 << 10;
constexpr std::size_t kHopsMax = 100;  // Received fields; a loop beyond (RFC 5321 §6.3)
// Addresses and parameters of one transaction: they have to fit into one record of the log, which
// holds 1 MiB of them.
constexpr std::size_t kEnvelopeBytes = 512 << 10;
constexpr std::size_t kEnvelopeBytesFree = 4 << 10;  // not counted as message memory
// A message is received in steps of at most this (cluster::MailStore::kChunkBytes).
constexpr std::size_t kFirstBufferBytes = 16 << 10;
constexpr std::size_t kChunksInFlight = 3;  // being stored while more is received
constexpr std::size_t kChunksKept = 4;      // stay in memory for the MIME parser

// --- sessions

constexpr unsigned kErrorsMax = 20;                 // refused commands
constexpr unsigned kRefusedRecipientsMax = 100;     // a list with some dead addresses is no attack
constexpr unsigned kSurplusRecipientsMax = 20'000;  // beyond the limit of a transaction
constexpr unsigned kLoginFailuresMax = 3;
constexpr unsigned kIdleCommandsMax = 200;    // since the last message that was accepted
constexpr unsigned kMessagesMax = 1'000'000;  // then the client has to connect anew

// --- times

constexpr auto kCommandTimeout = std::chrono::minutes{5};  // RFC 5321 §4.5.3.2.7
constexpr auto kDataTimeout = std::chrono::minutes{5};   // for a block; clients use 3 (§4.5.3.2.5)
constexpr auto kMessageTimeout = std::chrono::hours{1};  // for a whole message
// While a message holds memory at least this much of it has to come, on the average of each
// stretch.
constexpr auto kRateStretch = std::chrono::minutes{5};
constexpr std::uint64_t kBytesPerMinute = 10 << 10;
constexpr auto kTlsTimeout = std::chrono::minutes{1};
constexpr auto kMemoryTimeout = std::chrono::seconds{5};  // for a share of message memory
constexpr auto kMemoryPoll = std::chrono::milliseconds{20};

}  // namespace everpost::node::smtp
