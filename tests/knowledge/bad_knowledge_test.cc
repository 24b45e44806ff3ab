// Every way in which the data files can be wrong, each with the whole line that a person gets to see.
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "operator/knowledge/catalog_loader.h"

namespace walguard::knowledge {
namespace {

constexpr const char* kDrivers =
    "drivers:\n"
    "  - names: [a.example.com]\n"
    "    variants:\n"
    "      - {transport: network-block, verified: true, source: s}\n";
constexpr const char* kMountOptions =
    "mount_options:\n  - {option: nolock, effect: locks-stay-local, source: s}\n";
constexpr const char* kFilesystems =
    "filesystems:\n  - {names: [xfs], magic: 0x58465342, transport: local-disk, verified: true, source: s}\n";
constexpr const char* kApps =
    "apps:\n  - {name: A, images: [o/a], databases: [{path: /a.db}], verified: true, source: s}\n";

struct Case {
  const char* what;
  std::string text;
  const char* error;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.what; }

/// A driver with these variants, from line 4 on.
std::string with_variants(const std::string& variants) {
  return "drivers:\n  - names: [a.example.com]\n    variants:\n" + variants;
}

/// A variant with these conditions, from line 5 on.
std::string with_conditions(const std::string& conditions) {
  return with_variants("      - when:\n" + conditions +
                       "        transport: network-block\n        verified: true\n        source: s\n");
}

const std::string kFact = "transport: local-disk, verified: true, source: s";

TEST(Knowledge, OfTheSmallestFormLoads) {
  const auto loaded = load_catalog(
      {.drivers = kDrivers, .mount_options = kMountOptions, .filesystems = kFilesystems, .apps = kApps});
  ASSERT_TRUE(loaded.has_value()) << loaded.error();
  EXPECT_EQ(loaded->drivers().size(), 1U);
}

class BadDrivers : public ::testing::TestWithParam<Case> {};

TEST_P(BadDrivers, AreRefusedWithFileLineFieldAndRemedy) {
  const auto loaded = load_catalog({.drivers = GetParam().text,
                                    .mount_options = kMountOptions,
                                    .filesystems = kFilesystems,
                                    .apps = kApps});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    OfTheDocument, BadDrivers,
    ::testing::Values(
        Case{"empty", "", "drivers.yaml:1: 0 YAML documents; write exactly one"},
        Case{"two documents", std::string(kDrivers) + "---\n" + kDrivers,
             "drivers.yaml:1: 2 YAML documents; write exactly one"},
        Case{"not YAML", "drivers:\n  - [\n",
             "drivers.yaml:3: not valid YAML: end of sequence flow not found"},
        Case{"a list at the top", "- a\n", "drivers.yaml:1: a list where a map belongs; write key: value"},
        Case{"another key at the top", "driver: []\n",
             "drivers.yaml:1: driver: unknown key; use one of drivers"},
        Case{"no driver", "drivers: []\n",
             "drivers.yaml:1: drivers: is an empty list; write at least one entry or leave the key out"}));

INSTANTIATE_TEST_SUITE_P(
    OfADriver, BadDrivers,
    ::testing::Values(
        Case{"text for a map", "drivers:\n  - a.example.com\n",
             "drivers.yaml:2: drivers[0]: \"a.example.com\" where a map belongs; write key: value"},
        Case{"unknown key", "drivers:\n  - names: [a]\n    varients: []\n",
             "drivers.yaml:3: drivers[0].varients: unknown key; use one of names, suffixes, variants"},
        Case{"doubled key", "drivers:\n  - names: [a]\n    names: [b]\n",
             "drivers.yaml:3: drivers[0].names: given twice; remove one of them"},
        Case{"no names", "drivers:\n  - variants: []\n", "drivers.yaml:2: drivers[0]: has no names; add it"},
        Case{"names not a list", "drivers:\n  - names: a\n",
             "drivers.yaml:2: drivers[0].names: \"a\" where a list belongs; write [a, b], or lines that "
             "begin with -"},
        Case{"a list for a name", "drivers:\n  - names: [[a]]\n",
             "drivers.yaml:2: drivers[0].names[0]: a list where one text belongs; write a single value"},
        Case{"an empty name", "drivers:\n  - names: [\"\"]\n",
             "drivers.yaml:2: drivers[0].names[0]: is empty; write a value or leave the key out"},
        Case{"a name twice", std::string(kDrivers) + "  - names: [b, a.example.com]\n    variants: []\n",
             "drivers.yaml:5: drivers[1].names[1]: the driver \"a.example.com\" is given twice; remove one"},
        Case{"a suffix in mid-word", "drivers:\n  - names: [a]\n    suffixes: [csi.ceph.com]\n",
             "drivers.yaml:3: drivers[0].suffixes[0]: \"csi.ceph.com\" does not begin with . or -; write "
             "\".csi.ceph.com\""},
        Case{"no variants", "drivers:\n  - names: [a]\n",
             "drivers.yaml:2: drivers[0]: has no variants; add it"}));

INSTANTIATE_TEST_SUITE_P(
    OfAVariant, BadDrivers,
    ::testing::Values(
        Case{"unknown transport", with_variants("      - {transport: nfs, verified: true, source: s}\n"),
             "drivers.yaml:4: drivers[0].variants[0].transport: \"nfs\" is not a transport; use one of "
             "local-disk, "
             "network-block, network-filesystem, cluster-filesystem, object-fuse, vm-share, memory, unknown"},
        Case{"no transport", with_variants("      - {verified: true, source: s}\n"),
             "drivers.yaml:4: drivers[0].variants[0]: has no transport; add it"},
        Case{"no source", with_variants("      - {transport: local-disk, verified: true}\n"),
             "drivers.yaml:4: drivers[0].variants[0]: has no source; add it"},
        Case{"an empty source",
             with_variants("      - transport: local-disk\n        verified: true\n"
                           "        source: \"\"\n"),
             "drivers.yaml:6: drivers[0].variants[0].source: is empty; write a value or leave the key out"},
        Case{"not said whether verified", with_variants("      - {transport: local-disk, source: s}\n"),
             "drivers.yaml:4: drivers[0].variants[0]: has no verified; add it"},
        Case{"verified is no flag",
             with_variants("      - {transport: local-disk, verified: yes, source: s}\n"),
             "drivers.yaml:4: drivers[0].variants[0].verified: \"yes\" is not a flag; write true or false"},
        Case{
            "a flag that is none",
            with_variants("      - {transport: local-disk, verified: true, source: s, costly-to-probe: 1}\n"),
            "drivers.yaml:4: drivers[0].variants[0].costly-to-probe: \"1\" is not a flag; write true or "
            "false"},
        Case{"verified, but unknown",
             with_variants("      - {transport: unknown, verified: true, source: s}\n"),
             "drivers.yaml:4: drivers[0].variants[0].verified: true, but the transport is unknown; write "
             "false"},
        Case{"verified, but path-based",
             with_variants("      - {" + kFact + ", proven-only-by-preflight: true}\n"),
             "drivers.yaml:4: drivers[0].variants[0].verified: true, but only a preflight can tell what is "
             "at a "
             "path; write false"}));

constexpr const char* kUnreachable =
    "drivers.yaml:8: drivers[0].variants[1]: can never be reached, as the variants above it take all that it "
    "matches; "
    "move it up or remove it";

/// Two variants; the second begins on line 8.
std::string two_variants(const std::string& first, const std::string& second) {
  const std::string fact = "        transport: network-block\n        verified: true\n        source: s\n";
  return with_variants(
      (first.empty() ? "      - filesystem: ext4\n" : "      - when: [" + first + "]\n") + fact +
      (second.empty() ? "      - filesystem: ext4\n" : "      - when: [" + second + "]\n") + fact);
}

INSTANTIATE_TEST_SUITE_P(
    OfVariantsNeverReached, BadDrivers,
    ::testing::Values(
        Case{"after one without conditions", two_variants("", "{fs-type: [nfs]}"), kUnreachable},
        Case{"the same again", two_variants("{parameter: p, is: [a]}", "{parameter: p, is: [a]}"),
             kUnreachable},
        Case{"a narrower value", two_variants("{parameter: p, is: [a, B]}", "{parameter: P, is: [b]}"),
             kUnreachable},
        Case{"a narrower prefix",
             two_variants("{volume-handle-prefix: [\"s3\"]}", "{volume-handle-prefix: [\"s3files:\"]}"),
             kUnreachable},
        Case{"one condition more",
             two_variants("{fs-type: [nfs]}", "{fs-type: [nfs]}, {access-mode: [ReadWriteMany]}"),
             kUnreachable},
        Case{"only when absent",
             two_variants("{parameter: p, is: [a], or-absent: true}", "{parameter: p, absent: true}"),
             kUnreachable},
        Case{
            "after all access modes",
            two_variants("{access-mode: [ReadWriteOnce, ReadWriteOncePod, ReadOnlyMany, ReadWriteMany]}", ""),
            kUnreachable}));

INSTANTIATE_TEST_SUITE_P(
    OfConditions, BadDrivers,
    ::testing::Values(
        Case{
            "unknown kind", with_conditions("          - {protocol: [nfs]}\n"),
            "drivers.yaml:5: drivers[0].variants[0].when[0].protocol: unknown key; use one of parameter, is, "
            "or-absent, absent, access-mode, fs-type, volume-handle-prefix"},
        Case{"of nothing", with_conditions("          - {is: [nfs]}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0]: asks for nothing; name a parameter, "
             "access-mode, fs-type "
             "or volume-handle-prefix"},
        Case{"a parameter without values", with_conditions("          - {parameter: protocol}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0]: has no is; add it"},
        Case{"a map for a list", with_conditions("          - {parameter: protocol, is: nfs}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0].is: \"nfs\" where a list belongs; write [a, b], "
             "or lines "
             "that begin with -"},
        Case{"absent beside values", with_conditions("          - {parameter: p, is: [a], absent: true}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0].absent: stands beside `is` or `or-absent`; use "
             "{is: [...], or-absent: true}"},
        Case{"absent: false", with_conditions("          - {parameter: p, absent: false}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0].absent: can only be true; name values with `is` "
             "instead"},
        Case{"unknown access mode", with_conditions("          - {access-mode: [RWX]}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0].access-mode[0]: \"RWX\" is not an access mode; "
             "use "
             "ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod"},
        Case{"two subjects in one",
             with_conditions("          - {access-mode: [ReadWriteMany], fs-type: [nfs]}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0].fs-type: unknown key; use one of access-mode"},
        Case{"one subject twice",
             with_conditions("          - {parameter: p, is: [a]}\n          - {parameter: P, is: [b]}\n"),
             "drivers.yaml:6: drivers[0].variants[0].when[1]: a second condition on the same subject; write "
             "one with "
             "all its values"},
        Case{"an empty list", with_conditions("          - {fs-type: []}\n"),
             "drivers.yaml:5: drivers[0].variants[0].when[0].fs-type: is an empty list; write at least one "
             "entry or "
             "leave the key out"}));

class ReachableVariants : public ::testing::TestWithParam<Case> {};

TEST_P(ReachableVariants, Load) {
  const auto loaded = load_catalog({.drivers = GetParam().text,
                                    .mount_options = kMountOptions,
                                    .filesystems = kFilesystems,
                                    .apps = kApps});
  EXPECT_TRUE(loaded.has_value()) << loaded.error();
}

INSTANTIATE_TEST_SUITE_P(
    Pairs, ReachableVariants,
    ::testing::Values(
        Case{"a default after a value", two_variants("{parameter: p, is: [a]}", ""), ""},
        Case{"absent after a value",
             two_variants("{parameter: p, is: [a]}", "{parameter: p, is: [a], or-absent: true}"), ""},
        Case{"fewer conditions",
             two_variants("{fs-type: [nfs]}, {parameter: p, is: [a]}", "{fs-type: [nfs]}"), ""},
        Case{"a shorter prefix",
             two_variants("{volume-handle-prefix: [\"s3files:\"]}", "{volume-handle-prefix: [\"s3\"]}"), ""},
        Case{"after some access modes", two_variants("{access-mode: [ReadWriteMany, ReadOnlyMany]}", ""),
             ""}));

class BadMountOptions : public ::testing::TestWithParam<Case> {};

TEST_P(BadMountOptions, AreRefusedWithFileLineFieldAndRemedy) {
  const auto loaded = load_catalog(
      {.drivers = kDrivers, .mount_options = GetParam().text, .filesystems = kFilesystems, .apps = kApps});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadMountOptions,
    ::testing::Values(Case{"unknown effect", "mount_options:\n  - {option: nolock, effect: bad, source: s}\n",
                           "mount_options.yaml:2: mount_options[0].effect: \"bad\" is not an effect; use one "
                           "of locks-stay-local, "
                           "split-page-cache, risky"},
                      Case{"no source", "mount_options:\n  - {option: nolock, effect: risky}\n",
                           "mount_options.yaml:2: mount_options[0]: has no source; add it"},
                      Case{"given twice",
                           "mount_options:\n  - {option: soft, effect: risky, source: s}\n"
                           "  - {option: soft, effect: risky, source: s}\n",
                           "mount_options.yaml:3: mount_options[1].option: the mount option \"soft\" is "
                           "given twice; remove one"},
                      Case{"unknown key",
                           "mount_options:\n  - {option: soft, effect: risky, source: s, verified: true}\n",
                           "mount_options.yaml:2: mount_options[0].verified: unknown key; use one of option, "
                           "effect, source"}));

class BadFilesystems : public ::testing::TestWithParam<Case> {};

TEST_P(BadFilesystems, AreRefusedWithFileLineFieldAndRemedy) {
  const auto loaded = load_catalog(
      {.drivers = kDrivers, .mount_options = kMountOptions, .filesystems = GetParam().text, .apps = kApps});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadFilesystems,
    ::testing::Values(
        Case{"a decimal magic", "filesystems:\n  - {names: [nfs], magic: 26985, " + kFact + "}\n",
             "filesystems.yaml:2: filesystems[0].magic: \"26985\" is not a magic number; write 0x and up to "
             "eight "
             "hexadecimal digits"},
        Case{"a magic too wide", "filesystems:\n  - {names: [nfs], magic: 0x123456789, " + kFact + "}\n",
             "filesystems.yaml:2: filesystems[0].magic: \"0x123456789\" is not a magic number; write 0x and "
             "up to "
             "eight hexadecimal digits"},
        Case{"a magic with a tail", "filesystems:\n  - {names: [nfs], magic: 0x69g, " + kFact + "}\n",
             "filesystems.yaml:2: filesystems[0].magic: \"0x69g\" is not a magic number; write 0x and up to "
             "eight "
             "hexadecimal digits"},
        Case{
            "a name twice", std::string(kFilesystems) + "  - {names: [xfs], " + kFact + "}\n",
            "filesystems.yaml:3: filesystems[1].names[0]: the filesystem \"xfs\" is given twice; remove one"},
        Case{"a magic twice",
             std::string(kFilesystems) + "  - {names: [yfs], magic: 0x058465342, " + kFact + "}\n",
             "filesystems.yaml:3: filesystems[1].magic: the magic number \"0x058465342\" is given twice; "
             "remove one"},
        Case{"verified, but unknown",
             "filesystems:\n  - {names: [fuse], transport: unknown, verified: true, source: s}\n",
             "filesystems.yaml:2: filesystems[0].verified: true, but the transport is unknown; write false"},
        Case{"no source", "filesystems:\n  - {names: [xfs], transport: local-disk, verified: true}\n",
             "filesystems.yaml:2: filesystems[0]: has no source; add it"}));

class BadApps : public ::testing::TestWithParam<Case> {};

TEST_P(BadApps, AreRefusedWithFileLineFieldAndRemedy) {
  const auto loaded = load_catalog({.drivers = kDrivers,
                                    .mount_options = kMountOptions,
                                    .filesystems = kFilesystems,
                                    .apps = GetParam().text});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error(), GetParam().error);
}

/// An app of the image o/a with a database and this besides, on line 2.
std::string app_with(const std::string& more, const std::string& verified = "true") {
  return "apps:\n  - {name: A, images: [o/a], databases: [{path: /d/a.db}], verified: " + verified +
         ", source: s, " + more + "}\n";
}

/// An app with one database, on line 3.
std::string with_database(const std::string& database) {
  return "apps:\n  - {name: A, images: [o/a], verified: true, source: s, databases: [\n    {" + database +
         "}]}\n";
}

INSTANTIATE_TEST_SUITE_P(
    OfAnApp, BadApps,
    ::testing::Values(
        Case{"unknown key", app_with("path: /a"),
             "apps.yaml:2: apps[0].path: unknown key; use one of name, images, programs, role, when, "
             "databases, "
             "journal, synchronous, overrides, sqlite, verified, source"},
        Case{"no source", "apps:\n  - {name: A, images: [o/a], databases: [{path: /a}], verified: true}\n",
             "apps.yaml:2: apps[0]: has no source; add it"},
        Case{"neither image nor program", "apps:\n  - {name: A}\n",
             "apps.yaml:2: apps[0]: can never be found; add images or programs"},
        Case{"an image with a registry", "apps:\n  - {name: A, images: [registry.example/o/a]}\n",
             "apps.yaml:2: apps[0].images[0]: \"registry.example/o/a\" has a registry, tag or digest; write "
             "OWNER/NAME"},
        Case{"an image with a tag", "apps:\n  - {name: A, images: [\"o/a:1\"]}\n",
             "apps.yaml:2: apps[0].images[0]: \"o/a:1\" has a registry, tag or digest; write OWNER/NAME"},
        Case{"a star in the name", "apps:\n  - {name: A, images: [o/a*]}\n",
             "apps.yaml:2: apps[0].images[0]: \"o/a*\" has * elsewhere; it stands for the owner alone: "
             "\"*/NAME\""},
        Case{"no databases", "apps:\n  - {name: A, images: [o/a], verified: true, source: s}\n",
             "apps.yaml:2: apps[0]: has no databases; add them, or a role that works on those of others"},
        Case{"unknown role", app_with("role: server"),
             "apps.yaml:2: apps[0].role: \"server\" is not a role; use one of copy-per-replica, replicator, "
             "restorer, or leave it out"},
        Case{"unknown journal", app_with("journal: delete"),
             "apps.yaml:2: apps[0].journal: \"delete\" is not a journal; use one of wal, wal-exclusive, "
             "rollback, or leave it out"},
        Case{
            "unknown level", app_with("synchronous: \"1\""),
            "apps.yaml:2: apps[0].synchronous: \"1\" is not a level; use one of off, normal, full, extra, or "
            "leave it out"},
        Case{"behind one that takes all",
             app_with("journal: wal") + "  - {name: B, images: [o/b, o/a], databases: [{path: /b}], "
                                        "verified: true, source: s}\n",
             "apps.yaml:3: apps[1]: can never be reached for \"o/a\", as an entry above it without `when` "
             "takes "
             "it"}));

constexpr const char* kTooMild =
    "apps.yaml:2: apps[0].verified: false, but the entry says what makes a verdict milder (a journal other "
    "than "
    "wal, full, extra, copy-per-replica); leave that out";

INSTANTIATE_TEST_SUITE_P(
    FromMemory, BadApps,
    ::testing::Values(Case{"a rollback journal", app_with("journal: rollback", "false"), kTooMild},
                      Case{"no shm", app_with("journal: wal-exclusive", "false"), kTooMild},
                      Case{"every commit synced", app_with("synchronous: full", "false"), kTooMild},
                      Case{"a setting that turns WAL off",
                           app_with("overrides: [{env: WAL, is: [\"0\"], journal: rollback}]", "false"),
                           kTooMild},
                      Case{"a copy per replica", app_with("role: copy-per-replica", "false"), kTooMild}));

INSTANTIATE_TEST_SUITE_P(
    OfConditions, BadApps,
    ::testing::Values(
        Case{"of nothing", app_with("when: [{is: [a]}]"),
             "apps.yaml:2: apps[0].when[0]: asks for nothing, or for two things; name env or argument"},
        Case{"of two things", app_with("when: [{env: A, argument: b}]"),
             "apps.yaml:2: apps[0].when[0]: asks for nothing, or for two things; name env or argument"},
        Case{"a variable without values", app_with("when: [{env: A}]"),
             "apps.yaml:2: apps[0].when[0]: has no is; add it"},
        Case{"absent beside values", app_with("when: [{env: A, is: [b], absent: true}]"),
             "apps.yaml:2: apps[0].when[0].absent: stands beside `is` or `or-absent`; use {is: [...], "
             "or-absent: "
             "true}"},
        Case{"an argument with values", app_with("when: [{argument: a, is: [b]}]"),
             "apps.yaml:2: apps[0].when[0].is: does not go with `argument`; it is there or absent"},
        Case{"an override that changes nothing", app_with("overrides: [{argument: a}]"),
             "apps.yaml:2: apps[0].overrides[0]: changes nothing; name journal or synchronous"}));

INSTANTIATE_TEST_SUITE_P(
    OfDatabases, BadApps,
    ::testing::Values(
        Case{"a relative path", with_database("path: a.db"),
             "apps.yaml:3: apps[0].databases[0].path: \"a.db\" is not a path in the container; begin with /"},
        Case{"nowhere", with_database(""),
             "apps.yaml:3: apps[0].databases[0]: is nowhere; write a path, set-by or both"},
        Case{"a setting of nothing", with_database("set-by: [{gives: file}]"),
             "apps.yaml:3: apps[0].databases[0].set-by[0]: names 0 settings; write one of env, option, key"},
        Case{"two settings in one", with_database("set-by: [{env: A, option: -a, gives: file}]"),
             "apps.yaml:3: apps[0].databases[0].set-by[0]: names 2 settings; write one of env, option, key"},
        Case{"a setting that gives something else", with_database("set-by: [{env: A, gives: name}]"),
             "apps.yaml:3: apps[0].databases[0].set-by[0].gives: \"name\" is not what a setting gives; use "
             "one "
             "of file, folder, url"},
        Case{"a folder not said", with_database("path: /d/a.db, set-by: [{env: A, gives: folder}]"),
             "apps.yaml:3: apps[0].databases[0].set-by[0]: `folder` goes with `gives: folder`, and only "
             "there"},
        Case{
            "a folder elsewhere",
            with_database("path: /d/a.db, set-by: [{env: A, gives: folder, folder: /e}]"),
            "apps.yaml:3: apps[0].databases[0].set-by[0].folder: is not the beginning of the path /d/a.db"}));

INSTANTIATE_TEST_SUITE_P(
    OfVersions, BadApps,
    ::testing::Values(
        Case{"no version", app_with("sqlite: [{tag: \"1\", version: \"3.46\"}]"),
             "apps.yaml:2: apps[0].sqlite[0].version: \"3.46\" is not a version; write 3.46.1"},
        Case{"two stars", app_with("sqlite: [{tag: \"*1*\", version: 3.46.1}]"),
             "apps.yaml:2: apps[0].sqlite[0].tag: has more than one *; write an entry for each"}));

TEST(Apps, OfOneImageWithConditionsMayFollowEachOther) {
  const std::string both =
      "apps:\n"
      "  - {name: A, images: [o/a], when: [{argument: x}], role: restorer, verified: true, source: s}\n"
      "  - {name: A, images: [o/a], role: replicator, verified: true, source: s}\n";
  const auto loaded = load_catalog(
      {.drivers = kDrivers, .mount_options = kMountOptions, .filesystems = kFilesystems, .apps = both});
  ASSERT_TRUE(loaded.has_value()) << loaded.error();
  EXPECT_EQ(loaded->apps_of_image("o/a").size(), 2U);
}

}  // namespace
}  // namespace walguard::knowledge
