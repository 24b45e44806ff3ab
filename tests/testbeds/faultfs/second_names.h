#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_SECOND_NAMES_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_SECOND_NAMES_H_

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {

/// What the second mount finds under a name: stale-dirents, negative-dirents, rename-unseen, delay.
///
/// Only looking up a name is faulty; a listing of the directory is always right. A null NodePtr is a name
/// that leads nowhere.
class SecondNames {
 public:
  explicit SecondNames(const Options& options);

  /// The first mount has changed a name: what it led to before and leads to now.
  void first_changed(FileId directory, const std::string& name, const NodePtr& before, const NodePtr& now,
                     bool by_rename);
  /// The second mount has: it knows what it did.
  void second_changed(FileId directory, const std::string& name);
  /// What the second mount finds, given what is there.
  [[nodiscard]] NodePtr look_up(FileId directory, const std::string& name, const NodePtr& in_store);

 private:
  using Clock = std::chrono::steady_clock;

  struct Old {
    Clock::time_point until;
    NodePtr node;
  };
  struct NameView {
    std::optional<NodePtr> last_found = {};  // by the second mount
    std::deque<Old> old = {};                // what it still finds; the oldest first
  };

  /// Whether the fault keeps this change from a mount that has found `found` there before.
  [[nodiscard]] bool is_hidden(const NodePtr& found, const NodePtr& now, bool by_rename) const;

  Fault fault_;
  Clock::duration delay_;
  std::map<std::pair<FileId, std::string>, NameView> names_;
};

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_SECOND_NAMES_H_
