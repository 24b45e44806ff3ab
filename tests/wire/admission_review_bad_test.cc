// What must never be accepted, and what is said about it.
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/wire/admission_review.h"
#include "tests/wire/sample_review.h"

namespace walguard::wire {
namespace {

using test::decode;
using test::Json;
using test::pod;
using test::review_of;
using ::testing::HasSubstr;
using ErrorKind = DecodeError::Kind;

struct BadBody {
  const char* what;
  std::string body;
  const char* message;
};

std::string edited(const char* pointer, Json value) {
  Json review = review_of(pod(Json::object()));
  review[Json::json_pointer(pointer)] = std::move(value);
  return review.dump();
}

std::string without(const char* key) {
  Json review = review_of(pod(Json::object()));
  review["request"].erase(key);
  return review.dump();
}

std::string good() { return review_of(pod(Json::object())).dump(); }

std::string replaced(const std::string& from, const std::string& to) {
  std::string body = good();
  body.replace(body.find(from), from.size(), to);
  return body;
}

TEST(BadReview, WhatIsNoReviewIsRefusedWithoutAUid) {
  const std::vector<BadBody> bodies = {
      {"nothing", "", "not valid JSON"},
      {"blanks", " \n", "not valid JSON"},
      {"words", "hello", "not valid JSON"},
      {"a number", "5", "not valid JSON"},
      {"null", "null", "not valid JSON"},
      {"an array", "[]", "expected an object, found an array"},
      {"a string", "\"AdmissionReview\"", "not valid JSON"},
      {"an empty object", "{}", "kind: not AdmissionReview"},
      {"a pod", pod(Json::object()).dump(), "kind: not AdmissionReview"},
      {"another kind", edited("/kind", "SubjectAccessReview"), "kind: not AdmissionReview"},
      {"another version", edited("/apiVersion", "admission.k8s.io/v1beta1"), "admissionReviewVersions"},
      {"kind a number", edited("/kind", 5), "kind: expected a string, found the number 5; put it in quotes"},
      {"request a string", edited("/request", "x"), "request: expected an object, found a string"},
      {"request null", edited("/request", nullptr), "request.uid: missing"},
      {"no uid", without("uid"), "request.uid: missing"},
      {"null uid", edited("/request/uid", nullptr), "request.uid: missing"},
      {"empty uid", edited("/request/uid", ""), "request.uid: missing"},
      {"uid a number", edited("/request/uid", 7), "request.uid: expected a string, found the number 7"},
      {"no kind", without("kind"), "request.kind: missing"},
      {"no operation", without("operation"), "request.operation: missing"},
      {"unknown operation", edited("/request/operation", "PATCH"), "unknown operation \"PATCH\""},
      {"operation a list", edited("/request/operation", Json::array()),
       "request.operation: expected a string, found an array"},
      {"namespace a boolean", edited("/request/namespace", true),
       "request.namespace: expected a string, found the boolean true"},
      {"dryRun a string", edited("/request/dryRun", "false"),
       "request.dryRun: expected true or false, found a string; write it without quotes"},
      {"kind of the object a string", edited("/request/kind", "Pod"), "request.kind: expected an object"},
      {"uid twice", replaced("\"uid\"", "\"uid\":\"a\",\"uid\""), "request.uid: given twice"},
      {"uid twice, once escaped", replaced("\"uid\"", "\"u\\u0069d\":\"a\",\"uid\""),
       "request.uid: given twice"},
      {"request twice", replaced("\"request\"", "\"request\":{},\"request\""), "request: given twice"},
      {"kind twice", replaced("\"kind\"", "\"kind\":\"AdmissionReview\",\"kind\""), "kind: given twice"},
      {"a word behind", good() + "x", "not valid JSON"},
      {"an object behind", good() + "{}", "not valid JSON"},
      {"bad UTF-8 in a key that nobody reads", replaced("\"uid\"", "\"\xff\":1,\"uid\""), "not valid JSON"},
      {"a NUL byte", replaced("web-0", std::string("web\0-0", 6)), "not valid JSON"},
      {"a raw newline in a string", replaced("web-0", "web\n-0"), "not valid JSON"},
      {"a colon missing", replaced("\"uid\":", "\"uid\" "), "not valid JSON"},
      {"a comma missing", replaced(",\"operation\"", " \"operation\""), "not valid JSON"},
      {"a broken literal", replaced("\"CREATE\"", "CREATE"), ""},
      {"a broken escape", replaced("705ab4f5", "\\x05ab4f5"), "not valid JSON"},
      {"half a surrogate pair", replaced("705ab4f5", "\\ud83d"), "not valid JSON"},
  };
  for (const BadBody& bad : bodies) {
    const auto request = decode(bad.body);
    ASSERT_FALSE(request) << bad.what;
    EXPECT_EQ(request.error().kind, ErrorKind::kNotAReview) << bad.what;
    EXPECT_EQ(request.error().uid, "") << bad.what;
    EXPECT_THAT(request.error().message, HasSubstr(bad.message)) << bad.what;
  }
}

struct BadObject {
  const char* what;
  Json object;
  const char* message;
};

Json in_container(Json mount) {
  return pod(
      {{"containers", Json::array({{{"name", "c"}, {"volumeMounts", Json::array({std::move(mount)})}}})}});
}
Json in_volume(Json volume) { return pod({{"volumes", Json::array({std::move(volume)})}}); }

TEST(BadReview, ABadObjectIsAnsweredUnderItsUidNamingFieldTypeAndRemedy) {
  const std::vector<BadObject> objects = {
      {"null", nullptr, "request.object: missing"},
      {"a number", 5, "request.object: expected an object, found the number 5"},
      {"a list", Json::array(), "request.object: expected an object, found an array"},
      {"no spec", Json::object(), "request.object.spec: missing"},
      {"spec null", {{"spec", nullptr}}, "request.object.spec: missing"},
      {"spec a string", {{"spec", "x"}}, "request.object.spec: expected an object, found a string"},
      {"metadata a list", pod(Json::object(), Json::array()), "request.object.metadata: expected an object"},
      {"annotations a list", pod(Json::object(), {{"annotations", Json::array()}}),
       "request.object.metadata.annotations: expected an object, found an array"},
      {"our annotation a boolean", pod(Json::object(), {{"annotations", {{"walguard/require-local", true}}}}),
       "request.object.metadata.annotations[\"walguard/require-local\"]: expected a string, found the "
       "boolean true; "
       "put it in quotes"},
      {"our annotation null", pod(Json::object(), {{"annotations", {{"walguard/mode", nullptr}}}}),
       "request.object.metadata.annotations[\"walguard/mode\"]: expected a string, found null"},
      {"owner a string", pod(Json::object(), {{"ownerReferences", {"x"}}}),
       "request.object.metadata.ownerReferences[0]: expected an object, found a string"},
      {"controller a string", pod(Json::object(), {{"ownerReferences", {{{"controller", "true"}}}}}),
       "ownerReferences[0].controller: expected true or false, found a string"},
      {"volumes an object", pod({{"volumes", Json::object()}}),
       "request.object.spec.volumes: expected an array, found an object; write its items as a list"},
      {"a null volume", in_volume(nullptr), "request.object.spec.volumes[0]: expected an object, found null"},
      {"volume without a name", in_volume({{"emptyDir", Json::object()}}),
       "request.object.spec.volumes[0].name: missing"},
      {"volume name a number", in_volume({{"name", 5}}),
       "request.object.spec.volumes[0].name: expected a string, found the number 5"},
      {"claimName a number", in_volume({{"name", "v"}, {"persistentVolumeClaim", {{"claimName", 1.5}}}}),
       "request.object.spec.volumes[0].persistentVolumeClaim.claimName: expected a string, found the number "
       "1.5"},
      {"claim a string", in_volume({{"name", "v"}, {"persistentVolumeClaim", "data"}}),
       "request.object.spec.volumes[0].persistentVolumeClaim: expected an object, found a string"},
      {"readOnly a string", in_volume({{"name", "v"}, {"nfs", {{"readOnly", "true"}}}}),
       "request.object.spec.volumes[0].nfs.readOnly: expected true or false, found a string"},
      {"an attribute a number", in_volume({{"name", "v"}, {"csi", {{"volumeAttributes", {{"a", 1}}}}}}),
       "request.object.spec.volumes[0].csi.volumeAttributes.a: expected a string, found the number 1"},
      {"an unknown access mode",
       in_volume(
           {{"name", "v"}, {"ephemeral", {{"volumeClaimTemplate", {{"spec", {{"accessModes", {"RWO"}}}}}}}}}),
       "accessModes[0]: unknown access mode \"RWO\"; use ReadWriteOnce"},
      {"an unknown volume mode",
       in_volume(
           {{"name", "v"}, {"ephemeral", {{"volumeClaimTemplate", {{"spec", {{"volumeMode", "Tape"}}}}}}}}),
       "volumeMode: unknown volume mode \"Tape\"; use Filesystem or Block"},
      {"containers a string", pod({{"containers", "x"}}),
       "request.object.spec.containers: expected an array"},
      {"a container a number", pod({{"containers", {1}}}),
       "request.object.spec.containers[0]: expected an object, found the number 1"},
      {"mount without a name", in_container({{"mountPath", "/x"}}),
       "request.object.spec.containers[0].volumeMounts[0].name: missing; a volume mount needs it"},
      {"mountPath a number", in_container({{"name", "v"}, {"mountPath", 5}}),
       "request.object.spec.containers[0].volumeMounts[0].mountPath: expected a string, found the number 5; "
       "put it "
       "in quotes"},
      {"subPath an object", in_container({{"name", "v"}, {"subPath", Json::object()}}),
       "volumeMounts[0].subPath: expected a string, found an object"},
      {"mount readOnly a number", in_container({{"name", "v"}, {"readOnly", 1}}),
       "volumeMounts[0].readOnly: expected true or false, found the number 1"},
      {"nodeName a list", pod({{"nodeName", {"n"}}}), "request.object.spec.nodeName: expected a string"},
      {"hostname a number", pod({{"nodeSelector", {{"kubernetes.io/hostname", 1}}}}),
       "request.object.spec.nodeSelector[\"kubernetes.io/hostname\"]: expected a string, found the number 1"},
      {"gate a string", pod({{"schedulingGates", {"x"}}}), "schedulingGates[0]: expected an object"},
      {"os a string", pod({{"os", "windows"}}), "request.object.spec.os: expected an object"},
      {"affinity a list", pod({{"affinity", Json::array()}}),
       "request.object.spec.affinity: expected an object"},
  };
  for (const BadObject& bad : objects) {
    const auto request = decode(review_of(bad.object));
    ASSERT_FALSE(request) << bad.what;
    EXPECT_EQ(request.error().kind, ErrorKind::kBadObject) << bad.what;
    EXPECT_EQ(request.error().uid, test::kUid) << bad.what;
    EXPECT_EQ(request.error().namespace_name, "team-a") << bad.what;
    EXPECT_THAT(request.error().message, HasSubstr(bad.message)) << bad.what;
  }
}

TEST(BadReview, ReplicasMustBeAWholeNumber) {
  for (const auto& [value, found] : std::vector<std::pair<Json, std::string>>{
           {"3", "a string"}, {1.5, "the number 1.5"}, {true, "the boolean true"}}) {
    const auto request =
        decode(review_of({{"spec", {{"replicas", value}}}}, {"apps", "v1", "Deployment", "deployments"}));
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().kind, ErrorKind::kBadObject);
    EXPECT_THAT(request.error().message,
                HasSubstr("request.object.spec.replicas: expected a whole number, found " + found));
  }
}

TEST(BadReview, ABadOldObjectIsNoBetter) {
  Json review = review_of(pod(Json::object()), test::kPodKind, "UPDATE");
  review["request"]["oldObject"] = pod({{"volumes", 5}});
  const auto request = decode(review);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().kind, ErrorKind::kBadObject);
  EXPECT_THAT(request.error().message, HasSubstr("request.oldObject.spec.volumes: expected an array"));
}

// A duplicate of any field that is read, wherever it is: two readers could otherwise see two pods.
TEST(BadReview, DuplicateKeysAreRefusedAtEveryLevel) {
  const Json object = {
      {"metadata",
       {{"annotations", {{"walguard/mode", "warn"}}},
        {"ownerReferences", Json::array({{{"kind", "Job"}, {"controller", true}}})},
        {"deletionTimestamp", "now"}}},
      {"spec",
       {{"volumes", Json::array({{{"name", "v"},
                                  {"csi",
                                   {{"driver", "d"},
                                    {"readOnly", true},
                                    {"fsType", "ext4"},
                                    {"volumeAttributes", {{"attribute", "1"}}}}}}})},
        {"containers",
         Json::array(
             {{{"volumeMounts",
                Json::array(
                    {{{"name", "v"}, {"mountPath", "/m"}, {"subPath", "s"}, {"subPathExpr", ""}}})}}})},
        {"initContainers", Json::array({{{"restartPolicy", "Always"}}})},
        {"ephemeralContainers", Json::array()},
        {"nodeName", "n"},
        {"nodeSelector", {{"kubernetes.io/hostname", "h"}}},
        {"affinity",
         {{"nodeAffinity",
           {{"requiredDuringSchedulingIgnoredDuringExecution",
             {{"nodeSelectorTerms",
               Json::array({{{"matchExpressions",
                              Json::array({{{"key", "k"}, {"operator", "In"}, {"values", {"x"}}}})}}})}}}}}}},
        {"runtimeClassName", "r"},
        {"schedulingGates", Json::array({{{"name", "g"}}})},
        {"os", {{"name", "linux"}}},
        {"tolerations", Json::array({{{"effect", "NoSchedule"}}})}}}};
  const std::string body = review_of(object).dump();
  const std::vector<std::string> keys = {"object",
                                         "metadata",
                                         "spec",
                                         "annotations",
                                         "walguard/mode",
                                         "ownerReferences",
                                         "controller",
                                         "deletionTimestamp",
                                         "volumes",
                                         "csi",
                                         "driver",
                                         "readOnly",
                                         "fsType",
                                         "volumeAttributes",
                                         "attribute",
                                         "containers",
                                         "volumeMounts",
                                         "mountPath",
                                         "subPath",
                                         "subPathExpr",
                                         "initContainers",
                                         "restartPolicy",
                                         "ephemeralContainers",
                                         "nodeName",
                                         "nodeSelector",
                                         "kubernetes.io/hostname",
                                         "affinity",
                                         "nodeAffinity",
                                         "requiredDuringSchedulingIgnoredDuringExecution",
                                         "nodeSelectorTerms",
                                         "matchExpressions",
                                         "key",
                                         "operator",
                                         "values",
                                         "runtimeClassName",
                                         "schedulingGates",
                                         "os",
                                         "tolerations",
                                         "effect"};
  for (const std::string& key : keys) {
    std::string twice = body;
    const std::string quoted = "\"" + key + "\":";
    ASSERT_NE(twice.find(quoted), std::string::npos) << key;
    // null would hide it, were it not looked at; an entry of a map is a string
    const bool entry = key == "walguard/mode" || key == "attribute" || key == "kubernetes.io/hostname";
    twice.insert(twice.rfind(quoted), quoted + (entry ? "\"x\"," : "null,"));
    const auto request = decode(twice);
    ASSERT_FALSE(request) << key;
    EXPECT_THAT(request.error().message,
                ::testing::AnyOf(HasSubstr("given twice"), HasSubstr("a second source")))
        << key;
  }
}

TEST(BadReview, TruncatedAtAnyByteItIsNeverAccepted) {
  const std::string body = test::large_review();
  const std::size_t end = body.find_last_of('}');
  AdmissionReader reader;
  for (std::size_t size = 0; size < end; ++size) {
    std::string cut = body.substr(0, size);
    const auto request = reader.decode(PaddedView::of(cut));
    ASSERT_FALSE(request) << "accepted with " << size << " of " << end + 1 << " bytes";
    ASSERT_EQ(request.error().kind, ErrorKind::kNotAReview) << size;
  }
}

TEST(BadReview, NestingBeyondAThousandLevelsIsRefusedWhereverItIs) {
  constexpr std::size_t kDeep = 100000;
  const std::string open_arrays(kDeep, '[');
  const std::string arrays = open_arrays + std::string(kDeep, ']');
  std::string objects;
  for (std::size_t i = 0; i < kDeep; ++i) {
    objects += "{\"a\":";
  }
  objects += "1" + std::string(kDeep, '}');
  const auto with = [](const std::string& value) {
    std::string body = test::review_of(test::pod({{"extra", "HERE"}})).dump();
    return body.replace(body.find("\"HERE\""), 6, value);
  };
  for (const std::string& body :
       {open_arrays, arrays, objects, with(arrays), with(objects), with(open_arrays)}) {
    const auto request = decode(body);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().kind, ErrorKind::kNotAReview);
    EXPECT_THAT(request.error().message, HasSubstr("nested deeper than 1000 levels"));
  }
}

TEST(BadReview, ManyBracketsSideBySideOrInTextAreNotDeep) {
  Json lists = Json::array();
  for (int i = 0; i < 5000; ++i) {
    lists.push_back(Json::array());
  }
  EXPECT_TRUE(
      decode(review_of(pod({{"extra", lists}, {"text", std::string(5000, '[')}, {"quote", "\"[[\\"}}))));
}

TEST(BadReview, AnErrorNeverRepeatsAStringOfTheObject) {
  const auto request = decode(review_of(pod({{"volumes", "s3cret"}})));
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, ::testing::Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace walguard::wire
