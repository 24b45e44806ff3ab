// Files and folders as they are found, and what of them is read.
#include "operator/check/input.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp is of POSIX, not of <cstdlib>
#include <sys/stat.h>

#include "operator/check/manifests.h"

namespace walguard::check {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Input : public ::testing::Test {
 protected:
  Input() {
    std::string name = fs::temp_directory_path() / "walguard-test-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~Input() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }

  /// Relative to the root.
  [[nodiscard]] std::vector<std::string> listed(const std::vector<std::string>& paths) const {
    std::vector<std::string> names;
    const std::vector<InputFile> files = list_files(paths).value();
    names.reserve(files.size());
    for (const InputFile& file : files) {
      names.push_back(fs::path(file.path).lexically_relative(root_).string());
    }
    return names;
  }

  [[nodiscard]] std::vector<std::string> errors_of(const std::string& name) const {
    std::vector<std::string> errors;
    const auto files = list_files({path(name)}).value();
    const std::vector<ReadFile> read = read_files(files);
    for (const ReadFile& file : read) {
      for (const auto& error : file.content.errors) errors.push_back(error.text());
    }
    return errors;
  }

  fs::path root_;
};

TEST_F(Input, OfAFolderTheManifestsHoweverDeepInTheOrderOfTheirNames) {
  for (const char* const name : {"b.yaml", "a/c.yml", "a/b/d.json", "e.txt", ".hidden.yaml", ".git/f.yaml"}) {
    write(name, "");
  }
  EXPECT_THAT(listed({path("")}), ElementsAre("a/b/d.json", "a/c.yml", "b.yaml"));
  EXPECT_THAT(listed({path("b.yaml"), path(""), path("a/../b.yaml")}),
              ElementsAre("b.yaml", "a/b/d.json", "a/c.yml"))
      << "each once";
  EXPECT_THAT(listed({path("e.txt")}), ElementsAre("e.txt")) << "named, whatever its ending";
}

TEST_F(Input, AFolderBehindALinkIsNotWalkedThrough) {
  write("real/a.yaml", "");
  fs::create_directory_symlink(root_, root_ / "real/loop");
  EXPECT_THAT(listed({path("")}), ElementsAre("real/a.yaml"));
}

TEST_F(Input, AFileBeyondTheLimitIsNotRead) {
  write("a.yaml", std::string(11, 'x'));
  EXPECT_TRUE(read_input(path("a.yaml"), 11));
  EXPECT_THAT(read_input(path("a.yaml"), 10).error(), HasSubstr("split the file"));
}

TEST_F(Input, WhatIsNeitherFileNorFolderIsRefusedAtOnce) {
  EXPECT_THAT(read_input("/dev/zero", 10).error(), HasSubstr("neither a file nor a folder"));
  EXPECT_THAT(read_input(path("none.yaml"), 10).error(), HasSubstr("No such file"));
}

TEST_F(Input, AFileThatIsNotThereDoesNotKeepTheOthersFromBeingRead) {
  write("a.yaml", "apiVersion: v1\nkind: Service\n");
  const auto files = list_files({path("none.yaml"), path("a.yaml")}).value();
  const auto read = read_files(files);
  EXPECT_EQ(read[0].content.errors.size(), 1U);
  EXPECT_EQ(read[1].content.objects.size(), 1U);
}

TEST_F(Input, WhatIsNoObjectIsAnErrorOnlyWhereItWasNamed) {
  write("values.yaml", "replicas: 3\n");
  EXPECT_THAT(errors_of(""), IsEmpty());
  EXPECT_THAT(errors_of("values.yaml"),
              ElementsAre(HasSubstr("values.yaml:1: neither a Kubernetes object nor a "
                                    "compose file: kind: missing")));
}

TEST_F(Input, AHelmTemplateIsToldFromBrokenYaml) {
  write("chart/templates/a.yaml",
        "metadata:\n  name: {{ .Values.name }}\n{{- if .x }}\nspec: {}\n{{- end }}\n");
  EXPECT_THAT(errors_of("chart"), ElementsAre(HasSubstr("render it first: helm template " + path("chart") +
                                                        " | walguard check -")));
  write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
  EXPECT_EQ(errors_of("chart").size(), 1U) << "what describes the chart is passed over";
  EXPECT_THAT(errors_of("chart/Chart.yaml"),
              ElementsAre(HasSubstr("Chart.yaml:1: a Helm chart's description; render the chart: helm "
                                    "template " +
                                    path("chart") + " | walguard check -")));
  write("b.yaml", "a: 1\n b: 2\n");
  EXPECT_THAT(errors_of("b.yaml"), ElementsAre(HasSubstr("b.yaml:2: not valid YAML: found a second")));
}

/// Minutes, were the end of each action looked for in the rest of the file.
TEST_F(Input, MillionsOfBracesThatNeverCloseAreNoHelmTemplate) {
  std::string text = "a: b: c\n";
  for (int i = 0; i < 5'000'000; ++i) text += "{{\n";
  write("braces.yaml", text + "}}");
  EXPECT_THAT(errors_of("braces.yaml"), ElementsAre(HasSubstr("braces.yaml:1: not valid YAML")));
}

TEST_F(Input, AFileOfAHundredMegabytesIsRefusedUnread) {
  write("huge.yaml", "");
  fs::resize_file(root_ / "huge.yaml", std::uintmax_t{100} << 20U);  // sparse
  EXPECT_THAT(errors_of("huge.yaml"),
              ElementsAre(HasSubstr("huge.yaml: larger than 32 MiB; split the file")));
}

TEST_F(Input, ABrokenFileIsNamedWithItsLineAndTheOthersAreRead) {
  write("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n");
  write("b.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: b\n");
  write("c.yaml", "x: &x [*x]\n");
  write("d.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: d}\n");
  const auto read = read_files(list_files({path("")}).value());
  ASSERT_EQ(read.size(), 4U);
  EXPECT_EQ(read[0].content.objects.size() + read[3].content.objects.size(), 2U);
  EXPECT_THAT(errors_of(""), ElementsAre(HasSubstr("b.yaml:4: not valid YAML: expected a comma or the }"),
                                         HasSubstr("c.yaml:1: an alias inside of what it stands for")));
}

TEST_F(Input, ManyFilesComeBackInTheirOrder) {
  constexpr int kMany = 200;
  for (int i = 0; i < kMany; ++i) {
    write("f" + std::to_string(1000 + i) + ".yaml",
          "apiVersion: v1\nkind: Service\nmetadata: {name: s" + std::to_string(i) + "}\n");
  }
  const auto read = read_files(list_files({path("")}).value());
  ASSERT_EQ(read.size(), static_cast<std::size_t>(kMany));
  for (int i = 0; i < kMany; ++i) {
    EXPECT_EQ(read[static_cast<std::size_t>(i)].content.objects.at(0).name, "s" + std::to_string(i));
  }
}

TEST_F(Input, ComposeFilesAreRecognised) {
  write("compose.yaml", "services:\n  web: {image: x}\n");
  const auto read = read_files(list_files({path("")}).value());
  ASSERT_EQ(read.at(0).compose.size(), 1U);
  EXPECT_EQ(read[0].folder, root_.string());
  write("bad.yaml", "services:\n  web:\n    volumes: [[]]\n");
  EXPECT_THAT(errors_of("bad.yaml"), ElementsAre(HasSubstr("bad.yaml:3: services.web.volumes[0]")));
}

}  // namespace
}  // namespace walguard::check
