#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/ops.h"
#include "preflight/agent/workspace.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

// The person names DIR, so a symbolic link there is followed; nothing below it is.
constexpr int kOpenParent = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Bytes that we may still write, or -1 where the filesystem does not say (some FUSE and 9p report no blocks
// at all).
std::int64_t free_bytes(int fd) {
  struct statvfs status{};
  if (::fstatvfs(fd, &status) != 0 || status.f_blocks == 0) return -1;
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

// One worker's relation to the run's folder. `parent` stays open, so that the folder can be removed even when
// the path has come to lead elsewhere.
class WorkspaceOps {
 public:
  // {"dir"}: is it there, a directory, writable? The error is the errno that says no.
  static OpResult inspect(const Json& arguments) {
    const auto dir = arguments.at("dir").get<std::string>();
    const UniqueFd fd(::open(dir.c_str(), kOpenParent));
    if (!fd.valid()) return tl::unexpected(errno_error("opening " + dir));
    if (::faccessat(fd.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
      return tl::unexpected(errno_error("writing to " + dir));
    }
    return Json{{"free_bytes", free_bytes(fd.get())}};
  }

  // {"dir","name","nonce","not_after"}: removes leftovers of dead runs, makes the folder and enters it.
  OpResult create(const Json& arguments) {
    if (const auto opened = open_parent(arguments); !opened) return tl::unexpected(opened.error());
    const int swept = sweep_dead_workspaces(parent_.get());
    const auto created = create_workspace(parent_.get(), arguments.at("name").get<std::string>(),
                                          arguments.at("nonce").get<std::string>(),
                                          arguments.at("not_after").get<std::int64_t>());
    if (!created) return tl::unexpected(created.error());
    if (const OpResult entered = enter_opened(arguments); !entered) return entered;
    return Json{{"swept", swept}};
  }

  // {"dir","name","nonce"}: every file of this worker is in the run's folder from now on.
  OpResult enter(const Json& arguments) {
    if (const auto opened = open_parent(arguments); !opened) return tl::unexpected(opened.error());
    return enter_opened(arguments);
  }

  // {"dir","name","nonce"}: does the path still lead to the run's folder, looked up anew?
  static OpResult verify(const Json& arguments) {
    const auto dir = arguments.at("dir").get<std::string>();
    const UniqueFd parent(::open(dir.c_str(), kOpenParent));
    if (!parent.valid()) return tl::unexpected(errno_error("opening " + dir));
    const auto folder = open_workspace(parent.get(), arguments.at("name").get<std::string>(),
                                       arguments.at("nonce").get<std::string>());
    if (!folder) return tl::unexpected(folder.error());
    return Json{{"free_bytes", free_bytes(folder->get())}};
  }

  // {"dir","name"}
  OpResult remove(const Json& arguments) {
    if (!parent_.valid()) {
      if (const auto opened = open_parent(arguments); !opened) return tl::unexpected(opened.error());
    }
    const auto removed = remove_workspace(parent_.get(), arguments.at("name").get<std::string>());
    if (!removed) return tl::unexpected(removed.error());
    return Json::object();
  }

 private:
  tl::expected<void, OpError> open_parent(const Json& arguments) {
    const auto dir = arguments.at("dir").get<std::string>();
    parent_ = UniqueFd(::open(dir.c_str(), kOpenParent));
    if (!parent_.valid()) return tl::unexpected(errno_error("opening " + dir));
    return {};
  }

  OpResult enter_opened(const Json& arguments) {
    const auto folder = open_workspace(parent_.get(), arguments.at("name").get<std::string>(),
                                       arguments.at("nonce").get<std::string>());
    if (!folder) return tl::unexpected(folder.error());
    if (::fchdir(folder->get()) != 0) return tl::unexpected(errno_error("entering the run's folder"));
    return Json::object();
  }

  UniqueFd parent_;
};

}  // namespace

void add_workspace_ops(OpTable& table, const std::shared_ptr<WorkerContext>& /*context*/) {
  const auto ops = std::make_shared<WorkspaceOps>();
  table["inspect-dir"] = &WorkspaceOps::inspect;
  table["create-workspace"] = [ops](const Json& arguments) { return ops->create(arguments); };
  table["enter-workspace"] = [ops](const Json& arguments) { return ops->enter(arguments); };
  table["verify-workspace"] = &WorkspaceOps::verify;
  table["remove-workspace"] = [ops](const Json& arguments) { return ops->remove(arguments); };
}

}  // namespace walguard::preflight
