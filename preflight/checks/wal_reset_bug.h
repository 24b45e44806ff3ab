#ifndef WALGUARD_PREFLIGHT_CHECKS_WAL_RESET_BUG_H_
#define WALGUARD_PREFLIGHT_CHECKS_WAL_RESET_BUG_H_

/// Which SQLite loses commits in WAL mode by itself. Pure.
namespace walguard::preflight {

/// `version`: as sqlite3_libversion_number() gives it, 3.40.1 being 3040001. The range is that of SQLite's
/// own advisory, https://sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, less 3.44.6 and later of 3.44 and
/// 3.50.7 and later of 3.50.
[[nodiscard]] constexpr bool has_wal_reset_bug(int version) {
  const auto mended_in = [version](int first_mended) {
    return version / 1000 == first_mended / 1000 && version >= first_mended;
  };
  return version >= 3'007'000 && version <= 3'051'002 && !mended_in(3'044'006) && !mended_in(3'050'007);
}

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_CHECKS_WAL_RESET_BUG_H_
