#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/agent/ops.h"
#include "preflight/agent/pattern.h"
#include "preflight/link/unique_fd.h"

// Names are relative to the run's folder, which is the worker's working directory.
namespace walguard::preflight {
namespace {

// {"name","create"}: create makes it anew and fails where it exists.
OpResult open_file(WorkerContext& context, const Json& arguments) {
  const auto name = arguments.at("name").get<std::string>();
  const bool create = arguments.value("create", false);
  const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
  UniqueFd fd(::open(name.c_str(), flags, 0600));
  if (!fd.valid()) return tl::unexpected(errno_error("open(" + name + ")"));
  return Json{{"file", context.add_file(std::move(fd))}};
}

OpResult close_file(WorkerContext& context, const Json& arguments) {
  context.close_file(arguments);
  return Json::object();
}

// {"file","offset","length","seed"}
OpResult write_pattern(const WorkerContext& context, const Json& arguments) {
  const auto length = arguments.at("length").get<std::size_t>();
  const std::vector<std::uint8_t> bytes = pattern(arguments.at("seed").get<std::uint64_t>(), length);
  const ssize_t written =
      ::pwrite(context.file(arguments), bytes.data(), bytes.size(), arguments.at("offset").get<off_t>());
  if (written < 0) return tl::unexpected(errno_error("pwrite"));
  // A short write is how a full filesystem answers first.
  if (static_cast<std::size_t>(written) != length) return tl::unexpected(errno_error("short pwrite", ENOSPC));
  return Json::object();
}

// {"file","offset","length"}: how many bytes came, and their fingerprint.
OpResult read_fingerprint(const WorkerContext& context, const Json& arguments) {
  std::vector<std::uint8_t> bytes(arguments.at("length").get<std::size_t>());
  const ssize_t got =
      ::pread(context.file(arguments), bytes.data(), bytes.size(), arguments.at("offset").get<off_t>());
  if (got < 0) return tl::unexpected(errno_error("pread"));
  bytes.resize(static_cast<std::size_t>(got));
  return Json{{"length", got}, {"fingerprint", fingerprint(bytes)}};
}

OpResult truncate_file(const WorkerContext& context, const Json& arguments) {
  if (::ftruncate(context.file(arguments), arguments.at("size").get<off_t>()) != 0) {
    return tl::unexpected(errno_error("ftruncate"));
  }
  return Json::object();
}

OpResult file_size(const WorkerContext& context, const Json& arguments) {
  struct stat status{};
  if (::fstat(context.file(arguments), &status) != 0) return tl::unexpected(errno_error("fstat"));
  return Json{{"size", status.st_size}};
}

// {"name"}: whether the name leads to a file, as open() sees it. Only "no such file" is an answer; the rest
// are errors.
OpResult exists(const Json& arguments) {
  const auto name = arguments.at("name").get<std::string>();
  const UniqueFd fd(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid() && errno != ENOENT) return tl::unexpected(errno_error("open(" + name + ")"));
  return Json{{"exists", fd.valid()}};
}

OpResult rename_file(const Json& arguments) {
  const auto from = arguments.at("from").get<std::string>();
  const auto to = arguments.at("to").get<std::string>();
  if (::rename(from.c_str(), to.c_str()) != 0) return tl::unexpected(errno_error("rename"));
  return Json::object();
}

OpResult unlink_file(const Json& arguments) {
  if (::unlink(arguments.at("name").get<std::string>().c_str()) != 0) {
    return tl::unexpected(errno_error("unlink"));
  }
  return Json::object();
}

}  // namespace

void add_file_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  table["open"] = [context](const Json& arguments) { return open_file(*context, arguments); };
  table["close"] = [context](const Json& arguments) { return close_file(*context, arguments); };
  table["write"] = [context](const Json& arguments) { return write_pattern(*context, arguments); };
  table["read"] = [context](const Json& arguments) { return read_fingerprint(*context, arguments); };
  table["truncate"] = [context](const Json& arguments) { return truncate_file(*context, arguments); };
  table["size"] = [context](const Json& arguments) { return file_size(*context, arguments); };
  table["exists"] = exists;
  table["rename"] = rename_file;
  table["unlink"] = unlink_file;
}

}  // namespace walguard::preflight
