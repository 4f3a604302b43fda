#include "node/auth/sasl_exchange.h"

#include <cstdlib>

#include "node/auth/authenticator_impl.h"
#include "node/auth/password.h"

namespace everpost::node {
namespace {

using Step = Authenticator::Exchange::Step;

constexpr std::size_t kClientBytesMax = 8 << 10;  // of one message
constexpr std::size_t kSaltBytes = 16;

// One session of the library.
class Session {
 public:
  struct Answer {
    bool done = false;
    std::string challenge;
  };

  static Result<Session> start(Gsasl* gsasl, const std::string& mechanism) {
    Gsasl_session* raw = nullptr;
    const int status = gsasl_server_start(gsasl, mechanism.c_str(), &raw);
    if (status != GSASL_OK)
      return Error{ErrorCode::kUnsupported, mechanism + ": " + gsasl_strerror(status)};
    return Session(raw);
  }

  // Errors: kInvalidArgument (malformed), kPermissionDenied (the proof is wrong), kInternal.
  Result<Answer> step(std::string_view input) {
    char* raw = nullptr;
    std::size_t bytes = 0;
    const int status = gsasl_step(session_.get(), input.data(), input.size(), &raw, &bytes);
    Answer answer{status == GSASL_OK, raw ? std::string(raw, bytes) : std::string()};
    gsasl_free(raw);
    switch (status) {
      case GSASL_OK:
      case GSASL_NEEDS_MORE:
        return answer;
      case GSASL_AUTHENTICATION_ERROR:
        return Error{ErrorCode::kPermissionDenied, "wrong user name or password"};
      case GSASL_MECHANISM_PARSE_ERROR:
      case GSASL_MECHANISM_CALLED_TOO_MANY_TIMES:
      case GSASL_BASE64_ERROR:
      case GSASL_SASLPREP_ERROR:
        return Error{ErrorCode::kInvalidArgument, "malformed SASL message"};
      default:
        return Error{ErrorCode::kInternal, gsasl_strerror(status)};
    }
  }

  std::string get(Gsasl_property property) const {
    const char* value = gsasl_property_fast(session_.get(), property);
    return value ? value : "";
  }
  Secret take_password() {
    const char* value = gsasl_property_fast(session_.get(), GSASL_PASSWORD);
    if (!value) return Secret();
    Secret password{std::string_view(value)};
    // The library's own copy, which it frees without wiping.
    sodium_memzero(const_cast<char*>(value), password.view().size());
    return password;
  }
  Result<void> set(Gsasl_property property, const std::string& value) {
    const int status = gsasl_property_set(session_.get(), property, value.c_str());
    if (status != GSASL_OK) return Error{ErrorCode::kInternal, gsasl_strerror(status)};
    return {};
  }

 private:
  explicit Session(Gsasl_session* session) : session_(session, gsasl_finish) {}
  std::unique_ptr<Gsasl_session, decltype(&gsasl_finish)> session_;
};

Error malformed() { return Error{ErrorCode::kInvalidArgument, "malformed SASL message"}; }
Error over() { return Error{ErrorCode::kInvalidArgument, "the SASL exchange is over"}; }

// Nobody acts for somebody else here: the identity to act as (RFC 4616 §2 authzid, RFC 5802 §5.1
// "a=") is empty or the one that logs in.
bool acts_for_itself(const std::string& authzid, const std::string& authid) {
  return authzid.empty() || normal_login(authzid) == normal_login(authid);
}

// PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): the password itself is sent.
class PasswordExchange : public Authenticator::Exchange {
 public:
  PasswordExchange(Authenticator::Impl& authenticator, std::string mechanism, LoginClient client,
                   Session session)
      : authenticator_(authenticator),
        mechanism_(std::move(mechanism)),
        client_(std::move(client)),
        session_(std::move(session)) {}

  bool client_first() const override { return mechanism_ == "PLAIN"; }

  Task<Step> step(std::string client_data) override {
    const Secret input = Secret::take(client_data);
    if (over_) co_return over();
    over_ = true;  // unless it goes on
    if (input.view().size() > kClientBytesMax) co_return malformed();
    // LOGIN asks first; a client that sent the name with its AUTH command has answered already.
    if (!client_first() && !asked_ && !input.view().empty()) CO_CHECK(session_.step(""));
    asked_ = true;
    CO_ASSIGN_OR_RETURN(Session::Answer answer, session_.step(input.view()));
    if (!answer.done) {
      over_ = false;
      co_return Step{std::move(answer.challenge), nullptr};
    }
    const std::string login = session_.get(GSASL_AUTHID);
    Secret password = session_.take_password();
    if (!acts_for_itself(session_.get(GSASL_AUTHZID), login))
      co_return authenticator_.refuse(login, client_, mechanism_, std::nullopt);
    CO_ASSIGN_OR_RETURN(Login account, co_await authenticator_.check(login, std::move(password),
                                                                     client_, mechanism_));
    co_return Step{{}, std::move(account)};
  }

 private:
  Authenticator::Impl& authenticator_;
  const std::string mechanism_;
  const LoginClient client_;
  Session session_;
  bool asked_ = false, over_ = false;
};

std::string base64(std::string_view bytes) {
  const std::size_t room = sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  std::string text(room, '\0');
  sodium_bin2base64(text.data(), room, reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.resize(room - 1);  // without the NUL
  return text;
}

// SCRAM-SHA-256 (RFC 5802, RFC 7677): client and server prove to each other that they know the
// password's keys.
class ScramExchange : public Authenticator::Exchange {
 public:
  ScramExchange(Authenticator::Impl& authenticator, LoginClient client, Session session)
      : authenticator_(authenticator), client_(std::move(client)), session_(std::move(session)) {}

  bool client_first() const override { return true; }

  Task<Step> step(std::string client_data) override {
    if (state_ == State::kOver) co_return over();
    const State state = std::exchange(state_, State::kOver);  // unless it goes on
    if (client_data.size() > kClientBytesMax) co_return malformed();
    if (state == State::kFinal) co_return finish(client_data);
    if (client_data.empty()) {  // no initial response: ask for it
      state_ = State::kFirst;
      co_return Step{};
    }
    CO_ASSIGN_OR_RETURN(std::string challenge, co_await begin(client_data));
    state_ = State::kFinal;
    co_return Step{std::move(challenge), nullptr};
  }

 private:
  enum class State { kFirst, kFinal, kOver };

  // The library asks for the keys while it reads the client's first message, and cannot wait for
  // them. So one session reads the name out of it, and a second one gets name and keys.
  Task<std::string> begin(const std::string& client_first) {
    // A binding to the channel, which is for the -PLUS mechanisms only (RFC 5802 §6).
    if (client_first.starts_with('p')) co_return malformed();
    CO_CHECK(session_.step(client_first));
    login_ = session_.get(GSASL_AUTHID);
    if (!acts_for_itself(session_.get(GSASL_AUTHZID), login_))
      co_return authenticator_.refuse(login_, client_, kMechanism, std::nullopt);
    CO_ASSIGN_OR_RETURN(account_, co_await authenticator_.find(login_));
    CO_CHECK(co_await authenticator_.slow_down(throttle_source(client_.address),
                                               normal_login(login_).value_or("")));

    CO_ASSIGN_OR_RETURN(session_, Session::start(authenticator_.gsasl, kMechanism));
    CO_CHECK(set_keys(keys()));
    CO_ASSIGN_OR_RETURN(Session::Answer answer, session_.step(client_first));
    if (answer.done) co_return malformed();
    co_return std::move(answer.challenge);
  }

  // The account's keys. For a login that does not exist (or has none) keys that nothing fits, with
  // a salt that stays the same: an exchange must not tell who exists (RFC 5802 §9).
  storage::Credentials keys() {
    if (account_ && account_->credentials.scram_iterations > 0) return account_->credentials;
    account_ = nullptr;
    const std::string login = normal_login(login_).value_or(login_);
    const auto text = [](const Fingerprint& bytes) {
      return std::string(bytes.begin(), bytes.end());
    };
    storage::Credentials fake;
    fake.scram_iterations = authenticator_.cost.scram_iterations;
    fake.scram_salt =
        text(authenticator_.fingerprint("scram salt", login, "")).substr(0, kSaltBytes);
    fake.scram_stored_key = text(authenticator_.fingerprint("scram stored key", login, ""));
    fake.scram_server_key = text(authenticator_.fingerprint("scram server key", login, ""));
    return fake;
  }

  Result<void> set_keys(const storage::Credentials& keys) {
    RETURN_IF_ERROR(session_.set(GSASL_SCRAM_ITER, std::to_string(keys.scram_iterations)));
    RETURN_IF_ERROR(session_.set(GSASL_SCRAM_SALT, base64(keys.scram_salt)));
    RETURN_IF_ERROR(session_.set(GSASL_SCRAM_STOREDKEY, base64(keys.scram_stored_key)));
    return session_.set(GSASL_SCRAM_SERVERKEY, base64(keys.scram_server_key));
  }

  Result<Step> finish(const std::string& client_final) {
    auto answer = session_.step(client_final);
    if (!answer && answer.error().code != ErrorCode::kPermissionDenied)
      return std::move(answer).error();
    if (!answer || !answer->done || !account_)
      return authenticator_.refuse(login_, client_, kMechanism, std::nullopt);
    return Step{std::move(answer->challenge), account_};
  }

  static constexpr const char* kMechanism = "SCRAM-SHA-256";
  Authenticator::Impl& authenticator_;
  const LoginClient client_;
  Session session_;
  State state_ = State::kFirst;
  std::string login_;
  Login account_;  // null: the exchange goes on, to be refused at its end
};

}  // namespace

Result<std::unique_ptr<Authenticator::Exchange>> start_exchange(Authenticator::Impl& authenticator,
                                                                const std::string& mechanism,
                                                                LoginClient client) {
  const bool scram = mechanism == "SCRAM-SHA-256";
  if (!scram && mechanism != "PLAIN" && mechanism != "LOGIN")
    return Error{ErrorCode::kUnsupported, "unknown SASL mechanism"};
  ASSIGN_OR_RETURN(Session session, Session::start(authenticator.gsasl, mechanism));
  if (scram)
    return std::make_unique<ScramExchange>(authenticator, std::move(client), std::move(session));
  return std::make_unique<PasswordExchange>(authenticator, mechanism, std::move(client),
                                            std::move(session));
}

}  // namespace everpost::node
