#ifndef WALGUARD_PREFLIGHT_AGENT_OPS_H_
#define WALGUARD_PREFLIGHT_AGENT_OPS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "preflight/link/unique_fd.h"

/// The operations a worker process can do on the storage under test. A check is a script of these on two
/// sides; the script runs in the conductor, everything that may hang or die runs here.
///
/// A worker is single-threaded and does one operation at a time. Operations may block for as long as the
/// storage does: the conductor keeps the time and kills.
namespace walguard::preflight {

using Json = nlohmann::json;

/// Why an operation could not be done. A lock that is refused because somebody holds it is a result, not an
/// error.
struct OpError {
  std::string what;   ///< "fcntl(F_SETLK): ENOLCK"
  std::string error;  ///< the errno's name, or SQLite's; empty where there is none
};
using OpResult = tl::expected<Json, OpError>;
using Op = std::function<OpResult(const Json& arguments)>;

/// From the errno of the moment.
[[nodiscard]] OpError errno_error(std::string_view what);
[[nodiscard]] OpError errno_error(std::string_view what, int error);

/// What the operations of one worker share.
class WorkerContext {
 public:
  using NoteSink = std::function<void(const Json&)>;
  explicit WorkerContext(NoteSink sink) : sink_(std::move(sink)) {}

  /// Tells the conductor something at once. Returns when the line is out of this process, so that nothing
  /// said can be lost by a SIGKILL that follows.
  void note(const Json& json) const { sink_(json); }

  /// Files opened by "open", by the handle the conductor knows them under.
  [[nodiscard]] int file(const Json& arguments) const;
  int add_file(UniqueFd fd);
  void close_file(const Json& arguments);

 private:
  NoteSink sink_;
  std::map<int, UniqueFd> files_;
  int next_handle_ = 1;
};

class SharedMap;

using OpTable = std::map<std::string, Op, std::less<>>;

/// Each adds the operations of one kind. They keep `context`, which must live as long as the table.
void add_workspace_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context);
void add_file_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context);
void add_lock_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context);
/// The operations on one mapping share it: what "map" has mapped, "publish" stores into.
void add_map_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context,
                 const std::shared_ptr<SharedMap>& map);
void add_publication_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context,
                         const std::shared_ptr<SharedMap>& map);
void add_identity_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context);
void add_sqlite_ops(OpTable& table, const std::shared_ptr<WorkerContext>& context);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_AGENT_OPS_H_
