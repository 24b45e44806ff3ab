/// The mounts of the machine, read anew whenever they change.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "operator/docker/mount_table.h"

namespace walguard::docker {

/// Thread-safe. Reads files of /proc, which the kernel answers at once; waits for nothing else.
class MountWatch {
 public:
  /// `path_of` names the mountinfo to read, "" where it cannot be seen; asked whenever it is opened.
  explicit MountWatch(std::function<std::string()> path_of);
  MountWatch(const MountWatch&) = delete;
  MountWatch& operator=(const MountWatch&) = delete;
  ~MountWatch();

  /// As they are now. Null: they cannot be seen.
  [[nodiscard]] std::shared_ptr<const MountTable> current();

 private:
  [[nodiscard]] bool open();
  [[nodiscard]] bool has_changed() const;
  void close();

  const std::function<std::string()> path_of_;
  std::mutex mutex_;
  std::string path_;
  int file_ = -1;
  std::shared_ptr<const MountTable> table_;
};

/// The mountinfo of the process that listens on an engine's socket, as SO_PEERCRED tells it (unix(7)): that
/// of the engine itself, or of the service manager that holds its socket. "" where that process is not seen:
/// it runs elsewhere, or under another process namespace.
[[nodiscard]] std::string mountinfo_of_engine(const std::string& socket);

}  // namespace walguard::docker
