#include "base/crc32c.h"

#include <array>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace everpost {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;

#ifndef __SSE4_2__
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
#endif

// a * b modulo the polynomial, both reflected: bit 31 is x^0.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ ((b & 1) ? kPolynomial : 0);
  }
  return product;
}

// kPowers[k] is x^(8 * 2^k): appending 2^k zero bytes multiplies by it.
constexpr std::array<std::uint32_t, 48> make_powers() {
  std::array<std::uint32_t, 48> powers{};
  std::uint32_t power = 1u << 23;  // x^8
  for (auto& p : powers) {
    p = power;
    power = multiply(power, power);
  }
  return powers;
}
constexpr auto kPowers = make_powers();

}  // namespace

std::uint32_t crc32c_extend(std::uint32_t crc, Bytes bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
#ifdef __SSE4_2__
  std::uint64_t state = ~crc;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto narrow = static_cast<std::uint32_t>(state);
  for (; left > 0; ++at, --left) narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(*at));
  return ~narrow;
#else
  static constexpr auto kTable = make_table();
  std::uint32_t state = ~crc;
  for (; left > 0; ++at, --left)
    state = (state >> 8) ^ kTable[(state ^ std::to_integer<std::uint32_t>(*at)) & 0xFF];
  return ~state;
#endif
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_bytes) {
  for (std::size_t k = 0; second_bytes != 0; ++k, second_bytes >>= 1)
    if (second_bytes & 1) first = multiply(kPowers[k], first);
  return first ^ second;
}

}  // namespace everpost
