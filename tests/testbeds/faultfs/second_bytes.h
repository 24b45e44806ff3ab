#ifndef WALGUARD_TESTS_TESTBEDS_FAULTFS_SECOND_BYTES_H_
#define WALGUARD_TESTS_TESTBEDS_FAULTFS_SECOND_BYTES_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {

/// The bytes and sizes that the second mount sees: stale-pages, delay, stale-size, truncate-unseen.
///
/// Told of every change of either mount before it is made. What the second mount does itself it always sees.
class SecondBytes {
 public:
  explicit SecondBytes(const Options& options);

  void first_writes(const NodePtr& node, off_t offset, std::string_view bytes);
  void first_truncates(const NodePtr& node, off_t size);
  void second_writes(const NodePtr& node, off_t offset, std::string_view bytes);
  void second_truncates(const NodePtr& node, off_t size);

  /// The size it is shown, given the true one.
  [[nodiscard]] off_t size(const NodePtr& node, off_t in_store);
  /// What it is given for a read of `length` bytes, given those that the store has.
  [[nodiscard]] std::string read(const NodePtr& node, off_t offset, std::size_t length, std::string in_store);

 private:
  using Clock = std::chrono::steady_clock;

  // What was there before a change of the first mount, and until when it is still shown.
  struct Undo {
    Clock::time_point until;
    off_t offset;
    std::string bytes;
    off_t size;
  };

  struct FileView {
    NodePtr node;                             // so that its inode number stays its own
    bool looked_at = false;                   // by the second mount
    std::optional<off_t> kept_size = {};      // stale-size
    std::map<off_t, std::string> pages = {};  // stale-pages
    std::deque<Undo> undos = {};              // delay, truncate-unseen; the oldest first
  };

  FileView& view(const NodePtr& node);
  void keep_what_is_there(FileView& file, off_t offset, std::size_t length);
  static void patch(FileView& file, off_t offset, std::string_view bytes);
  void forget_old_undos(FileView& file) const;
  [[nodiscard]] bool keeps_history() const;
  std::string read_kept_pages(FileView& file, off_t offset, std::string in_store);

  Fault fault_;
  Clock::duration delay_;
  std::map<FileId, FileView> files_;
};

}  // namespace walguard::faultfs

#endif  // WALGUARD_TESTS_TESTBEDS_FAULTFS_SECOND_BYTES_H_
