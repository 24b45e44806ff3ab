#include "operator/kube/exec_credential.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operator/kube/cluster_config.h"
#include "tests/support/files.h"

namespace walguard::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using walguard::testing::error_of;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

std::string printed(const std::string& status) {
  return R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)" + status +
         "}";
}

TEST(ExecCredential, ATokenIsReadWithItsExpiry) {
  const auto read =
      parse_exec_credential(printed(R"({"token":"t","expirationTimestamp":"2026-01-01T00:00:00Z"})"), kV1);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->credential.bearer_token, "t");
  EXPECT_EQ(read->expires, std::chrono::sys_seconds(std::chrono::seconds(1767225600)));
}

TEST(ExecCredential, ACertificateWithItsKeyIsReadAndNeverExpiresByItself) {
  const auto read =
      parse_exec_credential(printed(R"({"clientCertificateData":"C","clientKeyData":"K"})"), kV1);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->credential.client_certificate.data, "C");
  EXPECT_EQ(read->credential.client_key.data, "K");
  EXPECT_FALSE(read->expires);
}

TEST(ExecCredential, WhatIsWrongIsNamedWithoutItsValue) {
  const auto error = [](const std::string& text) { return error_of(parse_exec_credential(text, kV1)); };
  EXPECT_THAT(error("please log in"), HasSubstr("did not print a JSON object"));
  EXPECT_THAT(error(R"({"kind":"Pod"})"), HasSubstr("no ExecCredential"));
  EXPECT_THAT(error(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"})"),
              HasSubstr("its apiVersion is not the one asked for"));
  EXPECT_THAT(error(printed("null")), HasSubstr("gave no credential"));
  EXPECT_THAT(error(printed("{}")), HasSubstr("gave neither status.token nor"));
  EXPECT_THAT(error(printed(R"({"clientKeyData":"K"})")), HasSubstr("gave only one of"));
  const std::string odd = error(printed(R"({"token":"secret","expirationTimestamp":"soon"})"));
  EXPECT_THAT(odd, HasSubstr("status.expirationTimestamp is no RFC 3339 time"));
  EXPECT_THAT(odd, Not(HasSubstr("secret")));
}

TEST(ExecInfo, ThePluginLearnsOfTheClusterOnlyWhereItIsMeantTo) {
  ClusterConfig cluster;
  cluster.server = "https://h";
  cluster.tls_server_name = "kubernetes";
  ExecPlugin plugin;
  plugin.api_version = kV1;
  auto info = nlohmann::json::parse(exec_info(plugin, cluster, "PEM"));
  EXPECT_EQ(info["kind"], "ExecCredential");
  EXPECT_EQ(info["apiVersion"], kV1);
  EXPECT_EQ(info["spec"]["interactive"], false);
  EXPECT_FALSE(info["spec"].contains("cluster"));

  plugin.provide_cluster_info = true;
  info = nlohmann::json::parse(exec_info(plugin, cluster, "PEM"));
  EXPECT_EQ(info["spec"]["cluster"]["server"], "https://h");
  EXPECT_EQ(info["spec"]["cluster"]["tls-server-name"], "kubernetes");
  EXPECT_EQ(info["spec"]["cluster"]["certificate-authority-data"], "UEVN");
}

}  // namespace
}  // namespace walguard::kube
