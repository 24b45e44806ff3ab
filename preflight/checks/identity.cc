// identity: what the two agents stand on, as the kernel names it. Its verdict is only whether that could be
// learned: a filesystem's name fails nothing, nor do two views that name one folder differently. What differs
// is said, since it explains what other checks find: two superblocks are two page caches and two lock tables,
// two inodes are two files to the kernel.
#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "preflight/checks/check.h"
#include "preflight/conductor/session.h"
#include "preflight/report/report.h"

namespace walguard::preflight {
namespace {

struct Seen {
  std::string device;
  std::uint64_t inode = 0;
};

Seen identify(CheckContext& context, Side side) {
  Hand hand(context, side);
  const Json answer = hand.call("identify", {{"dir", context.workspace.dir(side)}});
  report::View& view = context.views.at(static_cast<std::size_t>(side));
  view.fstype = answer.at("fstype").get<std::string>();
  view.device = answer.at("device").get<std::string>();
  view.magic = answer.at("magic").get<std::string>();
  return {answer.at("st_dev").get<std::string>(), answer.at("inode").get<std::uint64_t>()};
}

std::string describe(const report::View& view) {
  return (view.fstype.empty() ? "unknown filesystem" : view.fstype) + " (" + view.magic + ")" +
         (view.sandbox.empty() ? "" : " inside " + view.sandbox);
}

}  // namespace

CheckOutcome check_identity(CheckContext& context) {
  const Seen a = identify(context, Side::kA);
  const Seen b = identify(context, Side::kB);
  const report::View& view_a = context.views.at(0);
  const report::View& view_b = context.views.at(1);
  const bool one_kernel = view_a.boot_id == view_b.boot_id;
  std::string detail = describe(view_a);
  if (context.workspace.two_views()) detail += " beside " + describe(view_b);
  // Two kernels count their devices each for itself.
  if (context.workspace.two_views() && one_kernel) {
    detail += view_a.device == view_b.device ? ", one superblock" : ", two superblocks";
    if (a.inode != b.inode) detail += ", two inodes";
  }
  detail += one_kernel ? ", kernel " + view_a.kernel : ", kernels " + view_a.kernel + " and " + view_b.kernel;
  return pass(detail, {{"same_device", a.device == b.device ? 1 : 0},
                       {"same_inode", a.inode == b.inode ? 1 : 0},
                       {"kernels", one_kernel ? 1 : 2}});
}

}  // namespace walguard::preflight
