#include "operator/controller/state_folder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/core/cluster_state.h"

namespace walguard::controller {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * kSecondNs + time.tv_nsec;
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_state_file(const fs::path& path) {
  static constexpr std::array<std::string_view, 3> kEndings = {".yaml", ".yml", ".json"};
  return std::ranges::find(kEndings, path.extension().string()) != kEndings.end();
}

/// The entries of one folder that are not hidden. Sorted, since readdir has no order.
tl::expected<std::vector<fs::path>, std::string> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!is_hidden(entry->path())) entries.push_back(entry->path());
  }
  if (error) return tl::unexpected(folder.string() + ": cannot be listed: " + error.message());
  std::ranges::sort(entries);
  return entries;
}

/// The files to read, by name: of the folder, and of its subfolders one level down.
tl::expected<std::vector<fs::path>, std::string> state_files(const fs::path& folder) {
  const auto top = entries_of(folder);
  if (!top) return tl::unexpected(top.error());
  std::vector<fs::path> files;
  for (const fs::path& entry : *top) {
    std::error_code
        ignored;  // what cannot be looked at is no folder; as a file it is reported when it is read
    if (!fs::is_directory(entry, ignored)) {
      if (is_state_file(entry)) files.push_back(entry);
      continue;
    }
    const auto below = entries_of(entry);
    if (!below) return tl::unexpected(below.error());
    std::ranges::copy_if(*below, std::back_inserter(files), is_state_file);
  }
  return files;
}

/// A file system keeps times in steps (4 ms on older kernels, 2 s on FAT): a file changed a moment ago may
/// change again and look the same, so it is read once more at the next look.
bool may_change_unseen(std::int64_t newest_ns) {
  using std::chrono::duration_cast;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t age = duration_cast<std::chrono::nanoseconds>(now).count() - newest_ns;
  return age >= 0 && age < 2 * kSecondNs;
}

}  // namespace

StateFolder::StateFolder(std::string folder, ParseFile parse, LogLine log, StateFolderOptions options)
    : folder_(std::move(folder)), parse_(std::move(parse)), log_(std::move(log)), options_(options) {}

StateFolder::~StateFolder() = default;

tl::expected<std::unique_ptr<StateFolder>, std::string> StateFolder::open(std::string folder, ParseFile parse,
                                                                          LogLine log,
                                                                          StateFolderOptions options) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return tl::unexpected("state folder " + folder + ": " + (error ? error.message() : "it is not a folder"));
  }
  std::unique_ptr<StateFolder> self(
      new StateFolder(std::move(folder), std::move(parse), std::move(log), options));
  self->look();
  self->watcher_ = std::jthread([raw = self.get()](const std::stop_token& stop) { raw->watch(stop); });
  return self;
}

void StateFolder::watch(const std::stop_token& stop) {
  std::unique_lock lock(sleep_mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, options_.interval, [] { return false; });
    if (!stop.stop_requested()) look();
  }
}

void StateFolder::look() {
  const auto files = list();
  if (!files) {
    seen_.reset();
    content_.reset();
    return refuse(files.error());
  }
  if (seen_ == *files || still_changing(*files)) return;

  const auto texts = read(*files);
  if (!texts) {
    seen_.reset();
    content_.reset();
    return refuse(texts.error());
  }
  std::int64_t newest = 0;
  std::size_t content = files->size();
  for (std::size_t i = 0; i < files->size(); ++i) {
    newest = std::max({newest, (*files)[i].modified_ns, (*files)[i].changed_ns});
    for (const std::string* text : {&(*files)[i].path, &(*texts)[i]}) {
      content = content * 31 + std::hash<std::string>{}(*text);
    }
  }
  // The signature is older than the text: what changed between the two shows at the next look.
  seen_ = may_change_unseen(newest) ? std::nullopt : std::optional(*files);
  if (content_ == content) return;
  content_ = content;

  auto state = parse(*files, *texts);
  if (!state) return refuse(state.error());
  accept(std::move(*state), files->size());
}

/// Whether to wait for another look, since the files are not as the look before saw them. A folder that never
/// holds still is read all the same after a few looks, and so is every folder at the start.
bool StateFolder::still_changing(const Signature& files) {
  constexpr int kMostLooks = 4;
  const bool first_look = !changing_;
  const bool holds_still = changing_ == files;
  changing_ = files;
  if (first_look || holds_still || ++looks_at_change_ >= kMostLooks) {
    looks_at_change_ = 0;
    return false;
  }
  return true;
}

tl::expected<StateFolder::Signature, std::string> StateFolder::list() const {
  const auto files = state_files(folder_);
  if (!files) return tl::unexpected(files.error());
  Signature signature;
  for (const fs::path& file : *files) {
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0) {
      const int reason = errno;
      std::error_code ignored;
      if (fs::symlink_status(file, ignored).type() == fs::file_type::not_found)
        continue;  // removed meanwhile
      return tl::unexpected(file.string() + ": " + std::generic_category().message(reason));
    }
    if (!S_ISREG(facts.st_mode)) return tl::unexpected(file.string() + ": it is not a regular file");
    signature.push_back(
        {file.string(), facts.st_ino, facts.st_size, nanoseconds(facts.st_mtim), nanoseconds(facts.st_ctim)});
  }
  return signature;
}

tl::expected<std::vector<std::string>, std::string> StateFolder::read(const Signature& files) const {
  std::vector<std::string> texts;
  for (const FileSignature& file : files) {
    if (static_cast<std::uint64_t>(file.size) > options_.largest_file) {
      return tl::unexpected(file.path + ": larger than " + std::to_string(options_.largest_file) + " bytes");
    }
    std::ifstream stream(file.path, std::ios::binary);
    std::string text(static_cast<std::size_t>(file.size), '\0');
    stream.read(text.data(), file.size);
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
    if (!stream.is_open() || stream.bad()) return tl::unexpected(file.path + ": cannot be read");
    texts.push_back(std::move(text));
  }
  return texts;
}

tl::expected<core::ClusterState, std::string> StateFolder::parse(
    const Signature& files, const std::vector<std::string>& texts) const {
  core::ClusterState state;
  for (std::size_t i = 0; i < files.size(); ++i) {
    try {
      if (auto parsed = parse_(files[i].path, texts[i], state); !parsed)
        return tl::unexpected(parsed.error());
    } catch (const std::exception& error) {  // the watching thread must outlive whatever a file can cause
      return tl::unexpected(files[i].path + ": " + error.what());
    }
  }
  return state;
}

void StateFolder::accept(core::ClusterState state, std::size_t files) {
  const std::size_t objects = state.size();
  state_.set(std::move(state));
  {
    const std::lock_guard lock(status_mutex_);
    status_.loaded = true;
    status_.error.clear();
    status_.loaded_at = std::chrono::system_clock::now();
    status_.files = files;
    status_.objects = objects;
    ++status_.reloads;
  }
  if (log_) {
    log_(LogLevel::kInfo, "state folder " + folder_ + ": " + std::to_string(files) + " files with " +
                              std::to_string(objects) + " objects are in force");
  }
}

void StateFolder::refuse(const std::string& error) {
  bool loaded = false;
  {
    const std::lock_guard lock(status_mutex_);
    if (status_.error == error) return;  // said before
    status_.error = error;
    ++status_.failed_reloads;
    loaded = status_.loaded;
  }
  if (log_) {
    log_(LogLevel::kError, "state folder: " + error +
                               (loaded ? "; the last good state stays in force" : "; nothing is loaded yet"));
  }
}

StateFolder::Status StateFolder::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace walguard::controller
