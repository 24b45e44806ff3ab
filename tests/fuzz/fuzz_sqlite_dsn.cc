// Text from environments and command lines: as a connection string, and as a script of a shell. What comes
// out is a path that can be shown, or nothing; a password before a host is never part of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "operator/core/sqlite_dsn.h"
#include "operator/core/start_command.h"
#include "operator/core/workload.h"

namespace {

using walguard::core::SqliteDsn;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_dsn(std::string_view text) {
  const SqliteDsn dsn = walguard::core::read_sqlite_dsn(text);
  require((dsn.says == SqliteDsn::Says::kSqlite) == !dsn.path.empty());
  require(dsn.path.size() <= text.size());
  require(dsn.path.find("/../") == std::string::npos);
  for (const char c : dsn.path) require(static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_dsn(text);
  const std::string with_password = "sqlite://:pass#word@" + std::string(text);
  require(walguard::core::read_sqlite_dsn(with_password).path.find("pass#word") == std::string::npos);
  walguard::core::Launch launch;
  launch.command = {"sh", "-c", std::string(text)};
  launch.environment.push_back({.name = "A", .value = std::string(text)});
  const walguard::core::Environment environment(launch);
  for (const auto& line : walguard::core::command_lines(launch, environment)) {
    require(!line.empty());
    for (const std::string& word : line) check_dsn(word);
  }
  return 0;
}
