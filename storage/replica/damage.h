// The first damage that somebody found in a replica's index, kept until the applier notices and
// stops: the next start makes the index anew from the log. Readers find it in passing, on any
// thread; they get the error themselves, too.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "storage/index/index.h"

namespace everpost::storage {

class IndexDamage {
 public:
  void note(const Error& error);
  std::optional<Error> found() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

// The same view, but damage that is met through it is noted.
//   keep   lives as long as the view
std::unique_ptr<IndexView> watch_for_damage(std::unique_ptr<IndexView> view,
                                            std::shared_ptr<IndexDamage> damage,
                                            std::shared_ptr<const void> keep = nullptr);

}  // namespace everpost::storage
