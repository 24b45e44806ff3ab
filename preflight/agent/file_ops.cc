#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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
#include "preflight/agent/timing.h"
#include "preflight/link/unique_fd.h"

// Names are relative to the run's folder, which is the worker's working directory.
namespace walguard::preflight {
namespace {

constexpr std::size_t kPage = 4096;

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

tl::expected<void, OpError> write_at(int fd, std::size_t offset, std::size_t length, std::uint64_t seed) {
  const std::vector<std::uint8_t> bytes = pattern(seed, length);
  const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written < 0) return tl::unexpected(errno_error("pwrite"));
  // A short write is how a full filesystem answers first.
  if (static_cast<std::size_t>(written) != length) return tl::unexpected(errno_error("short pwrite", ENOSPC));
  return {};
}

tl::expected<std::vector<std::uint8_t>, OpError> read_at(int fd, std::size_t offset, std::size_t length) {
  std::vector<std::uint8_t> bytes(length);
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (got < 0) return tl::unexpected(errno_error("pread"));
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

// {"file","pieces":[[offset,length,seed],...]}: one pwrite for each piece, in this order.
OpResult write_pieces(const WorkerContext& context, const Json& arguments) {
  for (const Json& piece : arguments.at("pieces")) {
    const auto written = write_at(context.file(arguments), piece.at(0).get<std::size_t>(),
                                  piece.at(1).get<std::size_t>(), piece.at(2).get<std::uint64_t>());
    if (!written) return tl::unexpected(written.error());
  }
  return Json::object();
}

// {"file","pieces":[[offset,length],...]}: for each piece [how many bytes one pread brought, their
// fingerprint].
OpResult read_pieces(const WorkerContext& context, const Json& arguments) {
  Json answers = Json::array();
  for (const Json& piece : arguments.at("pieces")) {
    const auto bytes =
        read_at(context.file(arguments), piece.at(0).get<std::size_t>(), piece.at(1).get<std::size_t>());
    if (!bytes) return tl::unexpected(bytes.error());
    answers.push_back({bytes->size(), fingerprint(*bytes)});
  }
  return answers;
}

// {"file"}: what was read is to be read from the storage again. Only a wish: the kernel keeps pages that are
// dirty or mapped.
OpResult drop_cache(const WorkerContext& context, const Json& arguments) {
  (void)::posix_fadvise(context.file(arguments), 0, 0,
                        POSIX_FADV_DONTNEED);  // not where the kernel has no advice
  return Json::object();
}

OpResult truncate_file(const WorkerContext& context, const Json& arguments) {
  if (::ftruncate(context.file(arguments), arguments.at("size").get<off_t>()) != 0) {
    return tl::unexpected(errno_error("ftruncate"));
  }
  return Json::object();
}

// {"file","size"}: makes a -shm longer as SQLite does (os_unix.c, unixShmMap): a byte at the end of every
// page, so that no page is a hole.
OpResult grow_file(const WorkerContext& context, const Json& arguments) {
  const int fd = context.file(arguments);
  const auto size = arguments.at("size").get<std::size_t>();
  struct stat status{};
  if (::fstat(fd, &status) != 0) return tl::unexpected(errno_error("fstat"));
  for (std::size_t page = static_cast<std::size_t>(status.st_size) / kPage; page < size / kPage; ++page) {
    if (const auto written = write_at(fd, (page + 1) * kPage - 1, 1, /*seed=*/0); !written) {
      return tl::unexpected(written.error());
    }
  }
  return Json::object();
}

OpResult file_size(const WorkerContext& context, const Json& arguments) {
  struct stat status{};
  if (::fstat(context.file(arguments), &status) != 0) return tl::unexpected(errno_error("fstat"));
  return Json{{"size", status.st_size}};
}

tl::expected<bool, OpError> opens(const std::string& name) {
  const UniqueFd fd(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid() && errno != ENOENT) return tl::unexpected(errno_error("open(" + name + ")"));
  return fd.valid();
}

// {"name"}: whether the name leads to a file, as open() sees it. Only "no such file" is an answer; the rest
// are errors.
OpResult exists(const Json& arguments) {
  const auto opened = opens(arguments.at("name").get<std::string>());
  if (!opened) return tl::unexpected(opened.error());
  return Json{{"exists", *opened}};
}

// {"name"}: the same by each of the three calls with which SQLite asks. "size" is -1 where stat finds
// nothing.
OpResult look_up(const Json& arguments) {
  const auto name = arguments.at("name").get<std::string>();
  const bool accessible = ::access(name.c_str(), F_OK) == 0;
  if (!accessible && errno != ENOENT) return tl::unexpected(errno_error("access(" + name + ")"));
  struct stat status{};
  const bool found = ::stat(name.c_str(), &status) == 0;
  if (!found && errno != ENOENT) return tl::unexpected(errno_error("stat(" + name + ")"));
  const auto opened = opens(name);
  if (!opened) return tl::unexpected(opened.error());
  return Json{{"access", accessible}, {"size", found ? status.st_size : -1}, {"open", *opened}};
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

int sync_descriptor(int fd, bool data_only) { return data_only ? ::fdatasync(fd) : ::fsync(fd); }

std::string sync_name(bool data_only, std::string_view of) {
  return std::string(data_only ? "fdatasync(" : "fsync(") + std::string(of) + ")";
}

OpResult sync_file(const WorkerContext& context, const Json& arguments) {
  if (sync_descriptor(context.file(arguments), /*data_only=*/false) != 0) {
    return tl::unexpected(errno_error(sync_name(false, "file")));
  }
  return Json::object();
}

// {"file","data_only","rounds","seconds"}: writes a page and syncs, `rounds` times, but after `least` no
// longer than `seconds`. How long each sync took, the write left out.
OpResult time_syncs(const WorkerContext& context, const Json& arguments) {
  const int fd = context.file(arguments);
  const auto data_only = arguments.at("data_only").get<bool>();
  const auto rounds = arguments.at("rounds").get<std::size_t>();
  const auto least = arguments.at("least").get<std::size_t>();
  const auto time = arguments.at("seconds").get<double>();
  const Stopwatch all;
  Json seconds = Json::array();
  for (std::size_t i = 0; i < rounds && (i < least || all.seconds() < time); ++i) {
    if (const auto written = write_at(fd, i % 16 * kPage, kPage, i + 1); !written) {
      return tl::unexpected(written.error());
    }
    const Stopwatch one;
    if (sync_descriptor(fd, data_only) != 0) return tl::unexpected(errno_error(sync_name(data_only, "file")));
    seconds.push_back(one.seconds());
  }
  return seconds;
}

// {"data_only"}: of the run's folder.
OpResult sync_folder(const Json& arguments) {
  const auto data_only = arguments.at("data_only").get<bool>();
  const UniqueFd fd(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return tl::unexpected(errno_error("open(directory)"));
  if (sync_descriptor(fd.get(), data_only) != 0) {
    return tl::unexpected(errno_error(sync_name(data_only, "directory")));
  }
  return Json::object();
}

}  // namespace

void add_file_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context) {
  table["open"] = [context](const Json& arguments) { return open_file(*context, arguments); };
  table["close"] = [context](const Json& arguments) { return close_file(*context, arguments); };
  table["write"] = [context](const Json& arguments) { return write_pieces(*context, arguments); };
  table["read"] = [context](const Json& arguments) { return read_pieces(*context, arguments); };
  table["drop-cache"] = [context](const Json& arguments) { return drop_cache(*context, arguments); };
  table["truncate"] = [context](const Json& arguments) { return truncate_file(*context, arguments); };
  table["grow"] = [context](const Json& arguments) { return grow_file(*context, arguments); };
  table["size"] = [context](const Json& arguments) { return file_size(*context, arguments); };
  table["exists"] = exists;
  table["look-up"] = look_up;
  table["rename"] = rename_file;
  table["unlink"] = unlink_file;
  table["sync"] = [context](const Json& arguments) { return sync_file(*context, arguments); };
  table["time-syncs"] = [context](const Json& arguments) { return time_syncs(*context, arguments); };
  table["sync-folder"] = sync_folder;
}

}  // namespace walguard::preflight
