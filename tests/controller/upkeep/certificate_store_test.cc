#include "operator/controller/certificate_store.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/controller/certificate_objects.h"
#include "operator/controller/certificates.h"
#include "operator/controller/log.h"
#include "operator/core/verdict.h"
#include "operator/kube/client.h"
#include "operator/kube/encoding.h"
#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/tls_identity.h"
#include "tests/controller/upkeep/object_api.h"
#include "tests/kube/api/fake_api.h"
#include "tests/server/http/test_client.h"
#include "tests/support/files.h"

namespace walguard::controller {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::ObjectApi;
using walguard::testing::eventually;

const std::string kSecret = "/api/v1/namespaces/walguard-system/secrets/walguard-tls";
const std::string kMutating = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/walguard";
const std::string kValidating =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/walguard";

json configuration() {
  const auto service = [](const std::string& name) {
    return json{{"name", name}, {"clientConfig", {{"service", {{"name", "walguard"}}}}}};
  };
  return {{"metadata", {{"name", "walguard"}}},
          {"webhooks", {service("pods.walguard.dev"), service("templates.walguard.dev")}}};
}

class CertificateStoreTest : public ::testing::Test {
 protected:
  CertificateStoreTest() {
    api_.put(kMutating, configuration());
    api_.put(kValidating, configuration());
  }

  std::unique_ptr<CertificateStore> replica() {
    clients_.push_back(api_.client());
    CertificateOptions options;
    options.namespace_name = "walguard-system";
    options.read_every = options.check_every = options.pause = std::chrono::milliseconds(5);
    options.first_pair = {.first = std::chrono::milliseconds(5), .longest = std::chrono::milliseconds(5)};
    options.check_every = check_every_;
    CertificateParts parts;
    parts.use = [this](const TlsMaterial& material) -> tl::expected<void, std::string> {
      const std::lock_guard lock(mutex_);
      used_.push_back(material);
      return {};
    };
    parts.now = [this] { return now_.load(); };
    parts.log = [this](LogLevel level, const std::string& line) {
      const std::lock_guard lock(mutex_);
      if (level != LogLevel::kInfo) complaints_.push_back(line);
    };
    return std::make_unique<CertificateStore>(*clients_.back(), options, parts);
  }
  [[nodiscard]] TlsMaterial in_secret() const {
    return read_tls_secret(api_.at(kSecret).dump()).value().material;
  }
  [[nodiscard]] std::string bundle_in(const std::string& path, std::size_t webhook) const {
    return kube::decode_base64(api_.at(path)["webhooks"][webhook]["clientConfig"].value("caBundle", ""))
        .value_or("");
  }
  [[nodiscard]] std::vector<std::string> complaints() {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }
  [[nodiscard]] std::size_t used() {
    const std::lock_guard lock(mutex_);
    return used_.size();
  }

  std::atomic<core::UtcSeconds> now_{1'800'000'000};
  std::mutex mutex_;
  std::vector<std::string> complaints_;
  std::vector<TlsMaterial> used_;
  ObjectApi api_;
  std::vector<std::unique_ptr<kube::Client>> clients_;
  const std::stop_token never_;
  std::chrono::milliseconds check_every_{5};
};

TEST_F(CertificateStoreTest, TheFirstReplicaMakesTheSecretAndTheNextOnesUseIt) {
  const auto first = replica()->load_or_create(never_);
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(*first, in_secret());
  EXPECT_EQ(api_.at(kSecret)["type"], "Opaque") << "the chart's: an upgrade cannot change it";
  const auto second = replica()->load_or_create(never_);
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(*second, *first);
}

TEST_F(CertificateStoreTest, OfTwoThatFindNoSecretTheSecondTakesWhatTheFirstMade) {
  // The second one's look at the Secret was before the first one made it.
  std::atomic<bool> blind{true};
  api_.interfere([&](const kube::testing::FakeRequest& request) -> std::optional<kube::testing::FakeAnswer> {
    if (request.method == "GET" && request.target == kSecret && blind)
      return ObjectApi::status(404, "NotFound");
    if (request.method == "POST") blind = false;
    return std::nullopt;
  });
  const auto first = replica()->load_or_create(never_);
  blind = true;
  const auto second = replica()->load_or_create(never_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*second, *first);
  EXPECT_EQ(in_secret(), *first);
}

TEST_F(CertificateStoreTest, ASecretThatCannotServeIsMendedByWhoeverFindsIt) {
  api_.put(kSecret, {{"data", {{"tls.crt", "bm90IFBFTQ=="}}}});
  const auto loaded = replica()->load_or_create(never_);
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(*loaded, in_secret());
  EXPECT_TRUE(
      plan_renewal(*loaded, service_dns_names("walguard", "walguard-system"), std::nullopt, now_).nothing());
}

TEST_F(CertificateStoreTest, ARefusalNamesTheSecretAndTheRemedy) {
  api_.interfere([](const kube::testing::FakeRequest&) { return ObjectApi::status(403, "Forbidden"); });
  const auto loaded = replica()->load_or_create(never_);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error(), AllOf(HasSubstr("Secret walguard-tls"), HasSubstr("403"), HasSubstr("Remedy")));
}

TEST_F(CertificateStoreTest, TheAuthorityStandsInEveryWebhookOfBothConfigurations) {
  const auto leader = replica();
  ASSERT_TRUE(leader->keep(never_));
  for (const auto& path : {kMutating, kValidating}) {
    for (const std::size_t webhook : {0U, 1U})
      EXPECT_EQ(bundle_in(path, webhook), in_secret().authority_bundle);
  }
}

TEST_F(CertificateStoreTest, WhatIsAsItShouldBeIsNotWrittenAgain) {
  const auto leader = replica();
  ASSERT_TRUE(leader->keep(never_));
  const std::size_t patches = api_.count("PATCH");
  ASSERT_TRUE(leader->keep(never_));
  EXPECT_EQ(api_.count("PATCH"), patches);
}

TEST_F(CertificateStoreTest, ABundleThatSomebodyBlankedIsPutBack) {
  const auto leader = replica();
  ASSERT_TRUE(leader->keep(never_));
  json blanked = api_.at(kValidating);
  blanked["webhooks"][1]["clientConfig"].erase("caBundle");
  api_.put(kValidating, blanked);
  ASSERT_TRUE(leader->keep(never_));
  EXPECT_EQ(bundle_in(kValidating, 1), in_secret().authority_bundle);
}

TEST_F(CertificateStoreTest, ABundleThatSomebodyBlankedIsPutBackAtOnceAndNotAtTheNextLook) {
  check_every_ = std::chrono::hours(1);
  const auto live = std::make_shared<kube::testing::LiveBody>();
  api_.interfere([&](const kube::testing::FakeRequest& request) -> std::optional<kube::testing::FakeAnswer> {
    if (request.target.find("metadata.name%3Dwalguard") == std::string::npos) return std::nullopt;
    if (request.target.find("watch=") == std::string::npos) {
      return kube::testing::FakeAnswer{.body = R"({"metadata": {"resourceVersion": "5"}, "items": []})"};
    }
    const bool of_mutating = request.target.find("/mutating") != std::string::npos;
    return kube::testing::FakeAnswer{.live =
                                         of_mutating ? live : std::make_shared<kube::testing::LiveBody>()};
  });
  const auto store = replica();
  std::jthread leading([&](const std::stop_token& stop) { store->lead(stop); });
  ASSERT_TRUE(
      eventually([&] { return !bundle_in(kMutating, 1).empty() && !bundle_in(kValidating, 1).empty(); }));
  // More often than the two lists at the start make it look again.
  for (int i = 0; i < 5; ++i) {
    api_.put(kMutating, configuration());
    live->write(
        R"({"type": "MODIFIED", "object": {"metadata": {"name": "walguard", "resourceVersion": "6"}}})"
        "\n");
    EXPECT_TRUE(eventually([&] { return !bundle_in(kMutating, 1).empty(); })) << i;
  }
}

TEST_F(CertificateStoreTest, AnApiServerThatIsAwayAtTheStartIsWaitedFor) {
  api_.interfere([](const kube::testing::FakeRequest&) {
    return std::optional(ObjectApi::status(503, "ServiceUnavailable"));
  });
  const auto store = replica();
  EXPECT_NE(store->why_none(), "");
  const std::jthread running([&](const std::stop_token& stop) { store->run(stop); });
  EXPECT_TRUE(
      eventually([&] { return store->why_none().find("walguard-tls is not read") != std::string::npos; }));
  EXPECT_EQ(used(), 0U);
  EXPECT_EQ(complaints().size(), 1U) << "in the same words once";
  api_.interfere(nullptr);
  EXPECT_TRUE(eventually([&] { return store->why_none().empty(); }));
  EXPECT_EQ(used(), 1U);
}

TEST_F(CertificateStoreTest, ConfigurationsThatAreNotInstalledAreNoError) {
  api_.erase(kMutating);
  api_.erase(kValidating);
  EXPECT_TRUE(replica()->keep(never_));
  EXPECT_TRUE(complaints().empty());
}

TEST_F(CertificateStoreTest, TheLeaderRenewsAheadOfTheEndAndEveryReplicaFollows) {
  const auto leader = replica();
  ASSERT_TRUE(leader->keep(never_));
  const TlsMaterial before = in_secret();
  const auto follower = replica();
  std::jthread following([&](const std::stop_token& stop) { follower->follow(before, stop); });

  now_ += kServingLifetime / 3 * 2;
  ASSERT_TRUE(leader->keep(never_));
  EXPECT_NE(in_secret().certificate, before.certificate);
  EXPECT_EQ(in_secret().authority_bundle, before.authority_bundle);
  ASSERT_TRUE(eventually([&] { return used() == 1; }));
  EXPECT_EQ(used_.front(), in_secret());
}

TEST_F(CertificateStoreTest, ANewAuthorityIsPublishedBeforeAnythingIsSignedByIt) {
  const auto leader = replica();
  ASSERT_TRUE(leader->keep(never_));
  now_ += kAuthorityLifetime / 3 * 2;
  // Long out of date, the pair comes first; then the authority is due.
  ASSERT_TRUE(leader->keep(never_));
  const TlsMaterial before = in_secret();
  ASSERT_TRUE(leader->keep(never_));
  EXPECT_EQ(in_secret().certificate, before.certificate);
  EXPECT_NE(in_secret().authority_bundle, before.authority_bundle);
  EXPECT_EQ(bundle_in(kMutating, 0), in_secret().authority_bundle);

  now_ += kBundleSpreads - 1;
  ASSERT_TRUE(leader->keep(never_));
  EXPECT_EQ(in_secret().certificate, before.certificate);
  now_ += 1;
  ASSERT_TRUE(leader->keep(never_));
  EXPECT_NE(in_secret().certificate, before.certificate);
}

TEST_F(CertificateStoreTest, AReplicaThatCannotReadTheSecretSaysSoAndKeepsItsPair) {
  const auto pair = replica()->load_or_create(never_);
  ASSERT_TRUE(pair);
  api_.interfere([](const kube::testing::FakeRequest&) { return ObjectApi::status(500, "InternalError"); });
  const auto follower = replica();
  std::jthread following([&](const std::stop_token& stop) { follower->follow(*pair, stop); });
  ASSERT_TRUE(eventually([&] { return !complaints().empty(); }));
  following.request_stop();
  following.join();
  EXPECT_THAT(complaints(), Contains(AllOf(HasSubstr("walguard-tls"), HasSubstr("the pair in use stays"))));
  EXPECT_EQ(used(), 0U);
}

TEST(CaBundlePatch, AWebhookWithAUrlIsLeftAlone) {
  const json object = {{"webhooks", {{{"name", "outside"}, {"clientConfig", {{"url", "https://there"}}}}}}};
  const auto patch = ca_bundle_patch(object.dump(), "PEM");
  ASSERT_TRUE(patch);
  EXPECT_FALSE(*patch);
}

TEST(CaBundlePatch, EachChangeIsBoundToTheNameOfItsWebhook) {
  const auto patch = ca_bundle_patch(configuration().dump(), "PEM");
  ASSERT_TRUE(patch);
  const json operations = json::parse(patch->value_or("[]"));
  ASSERT_EQ(operations.size(), 4U);
  EXPECT_EQ(operations[2]["op"], "test");
  EXPECT_EQ(operations[2]["path"], "/webhooks/1/name");
  EXPECT_EQ(operations[2]["value"], "templates.walguard.dev");
  EXPECT_EQ(operations[3]["path"], "/webhooks/1/clientConfig/caBundle");
}

/// The pair in the project's own HTTPS server, rotated under load.
TEST(ServingPair, ARotationDropsNoRequest) {
  constexpr core::UtcSeconds kNow = 1'800'000'000;
  const auto names = service_dns_names("walguard", "walguard-system");
  const auto make = [&](const TlsMaterial& from) {
    const RenewalPlan both{.authority = true, .serving_pair = true, .cannot_serve = true, .reason = "test"};
    return renewed(from, both, names, kNow).value();
  };
  TlsMaterial material = make({});
  const auto pem = [&] {
    return server::TlsPem{material.certificate, material.private_key, "Secret walguard-tls"};
  };
  server::HttpServer https(server::HttpLimits{}, pem(), [](std::string_view) {});
  https.route("POST", "/validate", [](const server::HttpRequest& request, server::HttpResponse& response) {
    response.body = request.body;
  });
  const auto port = https.start("127.0.0.1", 0);
  ASSERT_TRUE(port) << port.error();

  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::jthread client([&] {
    while (!stop) {
      auto connection = server::testing::TestClient::tls(*port);
      for (int i = 0; i < 3; ++i) {
        ++(connection.ask(server::testing::post("/validate", "x")).status == 200 ? answered : failed);
      }
    }
  });
  for (int round = 0; round < 10; ++round) {
    const int before = answered;
    material = make(material);
    ASSERT_TRUE(https.use_certificate(pem()));
    ASSERT_TRUE(eventually([&] { return answered > before; }));
  }
  stop = true;
  client.join();
  EXPECT_EQ(failed, 0);

  server::TlsPem broken = pem();
  broken.private_key = make({}).private_key;
  const auto refused = https.use_certificate(broken);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(),
              AllOf(HasSubstr("Secret walguard-tls"), HasSubstr("key of another certificate")));
  EXPECT_EQ(server::testing::TestClient::tls(*port).ask(server::testing::post("/validate", "x")).status, 200);
}

}  // namespace
}  // namespace walguard::controller
