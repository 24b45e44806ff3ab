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
  const auto loaded =
      load_catalog({.drivers = kDrivers, .mount_options = kMountOptions, .filesystems = kFilesystems});
  ASSERT_TRUE(loaded.has_value()) << loaded.error();
  EXPECT_EQ(loaded->drivers().size(), 1U);
}

class BadDrivers : public ::testing::TestWithParam<Case> {};

TEST_P(BadDrivers, AreRefusedWithFileLineFieldAndRemedy) {
  const auto loaded =
      load_catalog({.drivers = GetParam().text, .mount_options = kMountOptions, .filesystems = kFilesystems});
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
  const auto loaded =
      load_catalog({.drivers = GetParam().text, .mount_options = kMountOptions, .filesystems = kFilesystems});
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
  const auto loaded =
      load_catalog({.drivers = kDrivers, .mount_options = GetParam().text, .filesystems = kFilesystems});
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
  const auto loaded =
      load_catalog({.drivers = kDrivers, .mount_options = kMountOptions, .filesystems = GetParam().text});
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

}  // namespace
}  // namespace walguard::knowledge
