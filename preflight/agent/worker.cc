#include "preflight/agent/worker.h"

#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <tl/expected.hpp>

#include "preflight/agent/ops.h"
#include "preflight/agent/shared_map.h"
#include "preflight/link/bounded_json.h"
#include "preflight/link/errno_name.h"
#include "preflight/link/line_channel.h"
#include "preflight/link/unique_fd.h"

namespace walguard::preflight {
namespace {

constexpr int kLinkLost = 3;

// A SIGBUS must end this process as SIGBUS, whatever a sanitizer has installed, and leave no core file
// behind.
void die_plainly_of_faults() {
  for (const int fault : {SIGBUS, SIGSEGV}) (void)::signal(fault, SIG_DFL);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
}

Json error_json(const OpError& error) { return {{"what", error.what}, {"error", error.error}}; }

Json answer(const OpTable& table, const Json& request) {
  Json reply = {{"id", request.value("id", -1)}};
  OpResult result = tl::unexpected(OpError{"unknown operation", ""});
  try {
    const auto op = table.find(request.at("op").get<std::string>());
    if (op != table.end()) result = op->second(request.at("args"));
  } catch (const std::exception& exception) {
    result = tl::unexpected(OpError{std::string("bad request: ") + exception.what(), ""});
  }
  if (result) {
    reply["ok"] = std::move(*result);
  } else {
    reply["error"] = error_json(result.error());
  }
  return reply;
}

// What a filesystem or SQLite says may be no UTF-8; a worker must not die of it.
std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

OpError errno_error(std::string_view what) { return errno_error(what, errno); }

OpError errno_error(std::string_view what, int error) {
  return {std::string(what) + ": " + errno_name(error), errno_name(error)};
}

int WorkerContext::file(const Json& arguments) const {
  const auto found = files_.find(arguments.at("file").get<int>());
  return found == files_.end() ? -1 : found->second.get();
}

int WorkerContext::add_file(UniqueFd fd) {
  files_.emplace(next_handle_, std::move(fd));
  return next_handle_++;
}

void WorkerContext::close_file(const Json& arguments) { files_.erase(arguments.at("file").get<int>()); }

int run_worker(UniqueFd link) {
  die_plainly_of_faults();
  LineChannel channel(std::move(link));
  const auto send_now = [&channel](const Json& json) {
    channel.send(to_line(json));
    channel.flush_all();
  };
  const auto context =
      std::make_shared<WorkerContext>([&send_now](const Json& json) { send_now({{"note", json}}); });
  OpTable table;
  add_workspace_ops(table, context);
  add_file_ops(table, context);
  add_lock_ops(table, context);
  const auto map = std::make_shared<SharedMap>();
  add_map_ops(table, context, map);
  add_publication_ops(table, context, map);
  add_identity_ops(table, context);
  add_sqlite_ops(table, context);

  while (true) {
    while (const std::optional<std::string> line = channel.next_line()) {
      const std::optional<Json> request = parse_bounded_json(*line);
      if (!request || !request->is_object()) return kLinkLost;
      send_now(answer(table, *request));
    }
    if (channel.closed()) return 0;
    pollfd entry{.fd = channel.fd(), .events = channel.poll_events(), .revents = 0};
    ::poll(&entry, 1, -1);
    channel.receive();
  }
}

}  // namespace walguard::preflight
