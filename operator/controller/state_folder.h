/// The cluster's state from a folder of YAML and JSON files, read again whenever one of them changes.
///
/// Read are the regular files `*.yaml`, `*.yml` and `*.json` of the folder and of its direct subfolders, in
/// the order of their names. Names that begin with a dot are left out: editors' swap files, and the `..data`
/// folders through which a mounted ConfigMap swaps its files (whose links, in the folder itself, are
/// followed).
///
/// All files make one state: when one cannot be read, the last good state stays in force as a whole, and the
/// status names the file. A file that was read half-written heals at the next look.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <tl/expected.hpp>

#include "operator/controller/log.h"
#include "operator/controller/snapshot.h"
#include "operator/core/cluster_state.h"

namespace walguard::controller {

/// Adds the objects of one file to the state, or says what is wrong, naming file, line and field. Called from
/// one thread at a time.
using ParseFile = std::function<tl::expected<void, std::string>(
    std::string_view file_name, std::string_view text, core::ClusterState& state)>;

struct StateFolderOptions {
  std::chrono::milliseconds interval{500};  ///< between two looks at the folder
  std::size_t largest_file = 64U << 20U;    ///< bytes; a larger file is an error
};

class StateFolder {
 public:
  struct Status {
    bool loaded = false;  ///< a good state is in force, be it the newest or not
    std::string error;    ///< what is wrong with the folder as it is now; empty when it is in force
    std::chrono::system_clock::time_point loaded_at;  ///< of the state in force
    std::size_t files = 0;                            ///< of the state in force
    std::size_t objects = 0;                          ///< of the state in force
    std::uint64_t reloads = 0;                        ///< good ones, the first included
    std::uint64_t failed_reloads = 0;
  };

  /// Reads the folder once, then watches it on a thread of its own until destruction. A folder that does not
  /// exist is an error. One with a broken file is not: it starts with an empty state and `loaded` false, so
  /// that mending the file is enough. `log` gets one line for each change.
  [[nodiscard]] static tl::expected<std::unique_ptr<StateFolder>, std::string> open(
      std::string folder, ParseFile parse, LogLine log = {}, StateFolderOptions options = {});

  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;
  ~StateFolder();

  /// The state in force; never null, empty until something was loaded. Thread-safe and cheap (see Snapshot).
  [[nodiscard]] std::shared_ptr<const core::ClusterState> state() const { return state_.get(); }
  /// Thread-safe; does not wait for the disk.
  [[nodiscard]] Status status() const;

 private:
  /// What tells one version of a file from the next without reading it.
  struct FileSignature {
    std::string path;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const FileSignature&, const FileSignature&) = default;
  };
  using Signature = std::vector<FileSignature>;

  StateFolder(std::string folder, ParseFile parse, LogLine log, StateFolderOptions options);

  void watch(const std::stop_token& stop);
  void look();
  [[nodiscard]] bool still_changing(const Signature& files);
  [[nodiscard]] tl::expected<Signature, std::string> list() const;
  [[nodiscard]] tl::expected<std::vector<std::string>, std::string> read(const Signature& files) const;
  [[nodiscard]] tl::expected<core::ClusterState, std::string> parse(
      const Signature& files, const std::vector<std::string>& texts) const;
  void accept(core::ClusterState state, std::size_t files);
  void refuse(const std::string& error);

  const std::string folder_;
  const ParseFile parse_;
  const LogLine log_;
  const StateFolderOptions options_;

  Snapshot<core::ClusterState> state_;
  mutable std::mutex status_mutex_;
  Status status_;

  // Only the watching thread, and open() before it starts.
  std::optional<Signature> seen_;      // of the files as last read; nullopt: read them at the next look
  std::optional<Signature> changing_;  // of a change that has been seen once
  int looks_at_change_ = 0;
  std::optional<std::size_t> content_;  // hash of the names and texts last parsed

  std::mutex sleep_mutex_;
  std::condition_variable_any wake_;
  std::jthread watcher_;  // last: it ends before what it uses
};

}  // namespace walguard::controller
