#ifndef WALGUARD_PREFLIGHT_CHECKS_KEPT_WRITES_H_
#define WALGUARD_PREFLIGHT_CHECKS_KEPT_WRITES_H_

#include "preflight/checks/check.h"
#include "preflight/checks/steps.h"

namespace walguard::preflight {

/// A part of write-visibility: is every byte written still what it was, once the caches in between are
/// dropped?
///
/// Each side in turn writes three files the way SQLite writes its database, rollback journal and WAL (whole
/// pages in order and scattered, records and frames that lie across pages, headers of a few bytes rewritten
/// in place), more than 130 writes each, and syncs. New processes on both sides then read them in pieces of
/// several sizes. A write that was lost or torn, a short read and a stale page show as bytes that differ.
///
/// Adds the counts `writes` and `bytes_compared`; throws CheckStopped at the first difference.
void check_kept_writes(CheckContext& context, Numbers& numbers);

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_KEPT_WRITES_H_
