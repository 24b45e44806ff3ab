#include "operator/kube/object_reader.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/kube/line_splitter.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using walguard::testing::error_of;

/// A line with the bytes behind it that the reader asks for.
class Padded {
 public:
  explicit Padded(std::string_view text) : size_(text.size()), text_(text) {
    text_.append(kJsonPadding, ' ');
  }
  operator std::string_view() const { return {text_.data(), size_}; }  // NOLINT(google-explicit-constructor)

 private:
  std::size_t size_;
  std::string text_;
};

struct Listed {
  tl::expected<ListEnd, std::string> end;
  std::vector<std::string> names;
  std::vector<std::string> objects;
};

Listed read_list(std::string page) {
  ObjectReader reader;
  Listed listed;
  const std::string before = page;
  listed.end = reader.read_list(page, [&](const ObjectView& object) {
    listed.names.push_back(std::string(object.meta.namespace_name) + "/" + std::string(object.meta.name));
    listed.objects.emplace_back(object.json);
  });
  EXPECT_EQ(page, before);
  return listed;
}

TEST(ReadList, EachItemIsGivenWithItsMetadataAndItsOwnBytes) {
  const Listed listed = read_list(
      R"({"kind":"PodList","metadata":{"resourceVersion":"42","continue":"next"},"items":[)"
      R"({"metadata":{"name":"a","namespace":"n","labels":{"x":"}"}},"spec":{"deep":[{"er":[1,2]}]}},)"
      R"({"spec":{},"metadata":{"namespace":"n","name":"b\"c"}}]})");
  ASSERT_TRUE(listed.end) << listed.end.error();
  EXPECT_EQ(listed.end->resource_version, "42");
  EXPECT_EQ(listed.end->continue_token, "next");
  EXPECT_THAT(listed.names, ElementsAre("n/a", "n/b\"c"));
  EXPECT_THAT(
      listed.objects,
      ElementsAre(
          R"({"metadata":{"name":"a","namespace":"n","labels":{"x":"}"}},"spec":{"deep":[{"er":[1,2]}]}})",
          R"({"spec":{},"metadata":{"namespace":"n","name":"b\"c"}})"));
}

TEST(ReadList, AListWithoutItemsMayBeWrittenAsNull) {
  const Listed listed = read_list(R"({"items":null,"metadata":{"resourceVersion":"1","continue":null}})");
  ASSERT_TRUE(listed.end) << listed.end.error();
  EXPECT_EQ(listed.end->continue_token, "");
  EXPECT_THAT(listed.names, ElementsAre());
}

TEST(ReadList, WhatIsNoListIsRefused) {
  EXPECT_THAT(error_of(read_list(R"({"kind":"Status","metadata":{}})").end), HasSubstr("it has no items"));
  EXPECT_THAT(error_of(read_list(R"({"items":[],"metadata":{}})").end),
              HasSubstr("no metadata.resourceVersion"));
  for (const std::string text :
       {"", "<html>", "[]", R"({"items":7})", R"({"items":[7]})", R"({"items":[{}]})",
        R"({"items":[{"metadata":{"name":7}}]})", R"({"items":[{"metadata":{"name":"a")"}) {
    EXPECT_THAT(error_of(read_list(text).end), HasSubstr("cannot be read")) << text;
  }
}

TEST(ReadEvent, TypeMetadataAndBytesAreGivenInWhateverOrderTheyCome) {
  ObjectReader reader;
  const Padded line(
      R"({"object":{"spec":{"a":[{}]},"metadata":{"uid":"u","resourceVersion":"7","name":"x"}},"type":"DELETED"})");
  const auto event = reader.read_event(line);
  ASSERT_TRUE(event) << event.error();
  EXPECT_EQ(event->type, WatchEventType::kDeleted);
  EXPECT_EQ(event->object.meta.name, "x");
  EXPECT_EQ(event->object.meta.uid, "u");
  EXPECT_EQ(event->object.meta.namespace_name, "");
  EXPECT_EQ(event->object.meta.resource_version, "7");
  EXPECT_EQ(event->object.json,
            R"({"spec":{"a":[{}]},"metadata":{"uid":"u","resourceVersion":"7","name":"x"}})");
}

TEST(ReadEvent, AnErrorCarriesItsStatus) {
  ObjectReader reader;
  const Padded line(R"({"type":"ERROR","object":{"kind":"Status","code":410}})");
  const auto event = reader.read_event(line);
  ASSERT_TRUE(event) << event.error();
  EXPECT_EQ(event->type, WatchEventType::kError);
  EXPECT_EQ(event->object.json, R"({"kind":"Status","code":410})");
}

TEST(ReadEvent, WhatCannotBeReadIsAnErrorAndTheReaderGoesOn) {
  ObjectReader reader;
  for (const std::string text :
       {"null", "{", R"({"type":"ADDED"})", R"({"type":"ADDED","object":null})",
        R"({"type":"ADDED","object":{"metadata":[]}})", R"({"type":7,"object":{}})"}) {
    EXPECT_THAT(error_of(reader.read_event(Padded(text))), HasSubstr("cannot be read")) << text;
  }
  EXPECT_EQ(error_of(reader.read_event(Padded(R"({"type":"MOVED","object":{}})"))),
            "an event of unknown type \"MOVED\"");
  EXPECT_TRUE(
      reader.read_event(Padded(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}})")));
}

TEST(ReadObject, TheMetadataOfOneObject) {
  ObjectReader reader;
  const Padded json(R"({"kind":"Lease","metadata":{"name":"l","namespace":"n","resourceVersion":"3"}})");
  const auto object = reader.read_object(json);
  ASSERT_TRUE(object) << object.error();
  EXPECT_EQ(object->meta.resource_version, "3");
}

}  // namespace
}  // namespace walguard::kube
