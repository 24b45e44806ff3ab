#include "preflight/cli/scan_command.h"

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <tl/expected.hpp>
#include <unistd.h>

#include "preflight/cli/output_file.h"
#include "preflight/link/errno_name.h"
#include "preflight/render/scan_format.h"
#include "preflight/scan/scan.h"

namespace walguard::preflight {
namespace {

// Pieces are collected up to a size that a pipe takes well, and no longer than to the end of the scan.
class Stdout {
 public:
  void add(const std::string& text) {
    constexpr std::size_t kEnough = 64UL * 1024;
    buffer_ += text;
    if (buffer_.size() >= kEnough) flush();
  }
  void flush() {
    if (!write_all(STDOUT_FILENO, buffer_)) {
      throw std::runtime_error("cannot write to stdout: " + errno_name(errno));
    }
    buffer_.clear();
  }

 private:
  std::string buffer_;
};

}  // namespace

void add_scan_options(CLI::App& scan, ScanArguments& arguments) {
  scan.add_option("DIR", arguments.dir, "Directory to look through, with all below it")->required();
  scan.add_option("-o,--output", arguments.output, "What goes to stdout: text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  scan.footer(
      "Reads the first bytes of each regular file; takes no lock and changes nothing. Follows no symbolic\n"
      "link below DIR. Other mounts below DIR are looked through too, but not /proc, /sys and their kind.\n"
      "Encrypted databases have no header and are not found.\n"
      "Exit codes: 0 done, whatever was found or could not be read; 2 bad use or bad input, 4 internal "
      "error.");
}

tl::expected<void, std::string> run_scan(const ScanArguments& arguments) {
  if (arguments.dir.empty()) return tl::unexpected<std::string>("DIR is empty; name a directory");
  std::error_code error;
  const std::string dir = std::filesystem::absolute(arguments.dir, error).lexically_normal().string();
  if (error)
    return tl::unexpected("DIR \"" + arguments.dir + "\": " + error.message() + "; give an absolute path");
  const std::unique_ptr<ScanFormat> format =
      arguments.output == "json" ? make_scan_json() : make_scan_table();
  Stdout out;
  out.add(format->begin(dir));
  const auto summary = scan(dir, [&](const FoundDatabase& database) { out.add(format->database(database)); });
  if (!summary) return tl::unexpected(summary.error());
  out.add(format->end(*summary));
  out.flush();
  return {};
}

}  // namespace walguard::preflight
