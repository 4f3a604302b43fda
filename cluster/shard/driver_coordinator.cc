// The driver's questions to the coordinator, and its answers, which come on threads of the
// coordinator.
#include "cluster/shard/driver.h"

namespace everpost::cluster {

using namespace replication;

template <class T, class Take>
Coordinator::Answer<T> Driver::answered(Take take) {
  return [link = link_, take = std::move(take)](Result<T> result) {
    const std::scoped_lock alive(link->mutex);
    if (link->driver == nullptr) return;
    const std::scoped_lock lock(link->driver->mutex_);
    take(*link->driver, result);
  };
}

// An embedded coordinator's files are on this node's disk, and share its fate. A value that was
// removed and made again is not to be trusted (H5). Everything else may pass, and the core asks
// again.
bool Driver::trouble(const char* what, const Error& error) {
  const bool disk = error.code == ErrorCode::kIo || error.code == ErrorCode::kCorrupt;
  if ((disk && options_.coordinator->is_on_own_disk()) || error.code == ErrorCode::kFenced) {
    break_down(error);
    return false;
  }
  chronicle_.note(log::Level::kWarning, what, to_string(error));
  trouble_ = std::string("; ") + what + ": " + to_string(error);
  return true;
}

void Driver::ask(const Cas& cas) {
  const CasDone unknown{cas.config.nonce, CasDone::Outcome::kUnknown, cas.version + 1};
  options_.coordinator->compare_and_set(
      shard(), cas.version, cas.config,
      answered<std::uint64_t>([unknown](Driver& self, const Result<std::uint64_t>& stored) {
        CasDone done = unknown;
        if (stored) {
          done.outcome = CasDone::Outcome::kStored;
          done.version = *stored;
        } else if (!self.trouble("the coordinator did not store a change", stored.error())) {
          return;
        } else if (stored.error().code == ErrorCode::kConflict) {
          done.outcome = CasDone::Outcome::kConflict;
        }
        self.happen(done);
      }));
}

void Driver::ask(const VerifyConfig& verify) {
  options_.coordinator->verify(
      shard(), verify.version, answered<bool>([verify](Driver& self, const Result<bool>& still) {
        if (!still && !self.trouble("the coordinator does not answer", still.error())) return;
        self.happen(ConfigVerified{verify.token, verify.version, still.value_or(false)});
      }));
}

// One at a time: hints may come faster than answers.
void Driver::read_config() {
  if (reading_config_) {
    read_config_again_ = true;
    return;
  }
  reading_config_ = true;
  options_.coordinator->get(shard(),
                            answered<Versioned>([](Driver& self, const Result<Versioned>& found) {
                              self.config_was_read(found);
                            }));
}

void Driver::config_was_read(const Result<Versioned>& found) {
  reading_config_ = false;
  if (found)
    happen(ConfigSeen{found->config, found->version});
  else if (!trouble("the coordinator does not answer", found.error()))
    return;
  if (std::exchange(read_config_again_, false)) read_config();
}

}  // namespace everpost::cluster
