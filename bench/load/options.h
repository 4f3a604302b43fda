// What a load run does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace everpost::load {

enum class Tls { kNone, kStartTls, kImplicit };

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  unsigned sessions = 1;
  double seconds = 10;           // the run's end, whatever else is left
  std::uint64_t operations = 0;  // all sessions together; 0: as many as there is time for
  double rate = 0;               // operations per second, all sessions together; 0: no limit
  Tls tls = Tls::kNone;
  std::string user,
      password;  // SMTP AUTH PLAIN, or IMAP LOGIN ("%03d" becomes the account's number)
  bool json = false;
  std::vector<int> pids;  // of the server: its CPU and disk writes are reported

  // SMTP, LMTP
  bool lmtp = false;
  bool chunking = false;       // one BDAT in the same write as the envelope: one round trip
  std::uint64_t size = 10240;  // of each message
  std::string from = "load@example.net";
  std::string to = "user%03d@example.test";
  unsigned accounts = 2;    // recipients user001 ... in turn
  unsigned recipients = 1;  // of each message
  bool reconnect = false;   // a lost connection is made anew (crash tests)
  std::string ledger;       // a line "Message-ID" for each message that got its 250

  // IMAP
  std::string mailbox = "INBOX";
  std::string mix = "flags,headers,body";  // operations taken in turn
};

}  // namespace everpost::load
