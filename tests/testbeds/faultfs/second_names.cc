#include "tests/testbeds/faultfs/second_names.h"

#include <chrono>
#include <string>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {

SecondNames::SecondNames(const Options& options)
    : fault_(options.mounts.size() > 1 ? options.fault : Fault::kNone),
      delay_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds))) {}

void SecondNames::first_changed(FileId directory, const std::string& name, const NodePtr& before,
                                const NodePtr& now, bool by_rename) {
  if (fault_ == Fault::kNone) return;
  NameView& view = names_[{directory, name}];
  if (fault_ == Fault::kDelay) {
    view.old.push_back({.until = Clock::now() + delay_, .node = before});
    return;
  }
  // A change that is seen ends what an earlier one left behind.
  view.old.clear();
  if (view.last_found && is_hidden(*view.last_found, now, by_rename)) {
    view.old.push_back({.until = Clock::time_point::max(), .node = *view.last_found});
  }
}

void SecondNames::second_changed(FileId directory, const std::string& name) {
  names_.erase({directory, name});
}

NodePtr SecondNames::look_up(FileId directory, const std::string& name, const NodePtr& in_store) {
  if (fault_ == Fault::kNone) return in_store;
  NameView& view = names_[{directory, name}];
  while (!view.old.empty() && view.old.front().until <= Clock::now()) view.old.pop_front();
  const NodePtr found = view.old.empty() ? in_store : view.old.front().node;
  view.last_found = found;
  return found;
}

bool SecondNames::is_hidden(const NodePtr& found, const NodePtr& now, bool by_rename) const {
  switch (fault_) {
    case Fault::kStaleDirents:
      return found != nullptr && now == nullptr;
    case Fault::kNegativeDirents:
      return found == nullptr && now != nullptr;
    case Fault::kRenameUnseen:
      return by_rename;
    default:
      return false;
  }
}

}  // namespace walguard::faultfs
