#include "operator/controller/certificates.h"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "operator/core/verdict.h"

namespace walguard::controller {
namespace {

using core::UtcSeconds;

constexpr UtcSeconds kNow = 1'800'000'000;
const auto kNames = service_dns_names("walguard", "walguard-system");
constexpr const char* kHost = "walguard.walguard-system.svc";

struct Deleter {
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

/// OpenSSL's own verification of a server's certificate, as a client with this bundle does it at that time:
/// X509_V_OK (0), or why not.
int verify(const std::string& certificate_pem, const std::string& bundle_pem, const char* host,
           UtcSeconds at) {
  const Owned<X509_STORE> store(X509_STORE_new());
  const Owned<BIO> bundle(BIO_new_mem_buf(bundle_pem.data(), static_cast<int>(bundle_pem.size())));
  while (const Owned<X509> authority{PEM_read_bio_X509(bundle.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store.get(), authority.get());
  }
  const Owned<BIO> text(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const Owned<X509> certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set1_host(parameters, host, 0);
  X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(at));
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  (void)X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

TlsMaterial fresh(UtcSeconds now = kNow) {
  const auto plan = plan_renewal({}, kNames, std::nullopt, now);
  return renewed({}, plan, kNames, now).value();
}

std::size_t authorities_in(const TlsMaterial& material) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  std::size_t count = 0;
  for (std::size_t at = material.authority_bundle.find(kBegin); at != std::string::npos;
       at = material.authority_bundle.find(kBegin, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Certificates, AFreshPairIsTrustedUnderTheServicesNamesForItsWholeLifetime) {
  const TlsMaterial made = fresh();
  for (const char* const host : {kHost, "walguard.walguard-system.svc.cluster.local"}) {
    for (const UtcSeconds at : {kNow - kClockSkew, kNow, kNow + kServingLifetime - 1}) {
      EXPECT_EQ(verify(made.certificate, made.authority_bundle, host, at), X509_V_OK) << host << " at " << at;
    }
  }
}

TEST(Certificates, OtherNamesTimesAndAuthoritiesAreNotTrusted) {
  const TlsMaterial made = fresh();
  EXPECT_EQ(verify(made.certificate, made.authority_bundle, "walguard.other.svc", kNow),
            X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(made.certificate, made.authority_bundle, kHost, kNow + kServingLifetime + 1),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_NE(verify(made.certificate, fresh().authority_bundle, kHost, kNow), X509_V_OK);
}

TEST(Certificates, OnlyTheAuthorityMaySign) {
  const TlsMaterial made = fresh();
  const auto may_sign = [](const std::string& pem) {
    const Owned<BIO> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Owned<X509> certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    return X509_check_ca(certificate.get()) == 1;
  };
  EXPECT_TRUE(may_sign(made.authority_bundle));
  EXPECT_FALSE(may_sign(made.certificate));
}

TEST(Certificates, AServiceWithTheLongestNamesHasACertificateToo) {
  const auto names = service_dns_names(std::string(63, 's'), std::string(63, 'n'));
  const auto plan = plan_renewal({}, names, std::nullopt, kNow);
  const auto made = renewed({}, plan, names, kNow);
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(verify(made->certificate, made->authority_bundle, names.front().c_str(), kNow), X509_V_OK);
}

TEST(Certificates, TheErrorSaysWhatIsMissing) {
  const auto made = with_new_serving_pair({}, kNames, kNow);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), "certificates: no authority to sign a serving certificate with");
}

TEST(RenewalPlan, NothingIsDoneInTheFirstTwoThirds) {
  const TlsMaterial made = fresh();
  EXPECT_TRUE(plan_renewal(made, kNames, std::nullopt, kNow).nothing());
  EXPECT_TRUE(
      plan_renewal(made, kNames, std::nullopt, kNow + kServingLifetime / 3 * 2 - 2 * kClockSkew).nothing());
}

TEST(RenewalPlan, TheServingPairIsRenewedAtTwoThirdsOfItsLifetimeByTheSameAuthority) {
  const TlsMaterial made = fresh();
  const UtcSeconds later = kNow + kServingLifetime / 3 * 2;
  const RenewalPlan plan = plan_renewal(made, kNames, std::nullopt, later);
  EXPECT_TRUE(plan.serving_pair);
  EXPECT_FALSE(plan.authority);
  EXPECT_FALSE(plan.cannot_serve);
  const auto next = renewed(made, plan, kNames, later);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->authority_bundle, made.authority_bundle);
  EXPECT_NE(next->certificate, made.certificate);
  EXPECT_EQ(verify(next->certificate, made.authority_bundle, kHost, later + kServingLifetime - 1), X509_V_OK);
}

TEST(RenewalPlan, ANewAuthorityComesAloneAndThePairFollowsWhenTheBundleHasSpread) {
  // An authority at two thirds of its life, with a serving pair of that time.
  const TlsMaterial old = fresh();
  const UtcSeconds later = kNow + kAuthorityLifetime / 3 * 2;
  const TlsMaterial before = with_new_serving_pair(old, kNames, later).value();

  const RenewalPlan first = plan_renewal(before, kNames, std::nullopt, later);
  EXPECT_TRUE(first.authority);
  EXPECT_FALSE(first.serving_pair);
  const TlsMaterial between = renewed(before, first, kNames, later).value();
  EXPECT_EQ(authorities_in(between), 2U);
  EXPECT_EQ(between.certificate, before.certificate);
  EXPECT_EQ(verify(between.certificate, between.authority_bundle, kHost, later), X509_V_OK);

  EXPECT_TRUE(plan_renewal(between, kNames, std::nullopt, later).nothing());
  EXPECT_TRUE(plan_renewal(between, kNames, later, later + kBundleSpreads - 1).nothing());
  const RenewalPlan second = plan_renewal(between, kNames, later, later + kBundleSpreads);
  EXPECT_FALSE(second.authority);
  EXPECT_TRUE(second.serving_pair);
  const TlsMaterial after = renewed(between, second, kNames, later).value();
  EXPECT_EQ(verify(after.certificate, between.authority_bundle, kHost, later), X509_V_OK);
  EXPECT_NE(verify(after.certificate, before.authority_bundle, kHost, later), X509_V_OK);
  EXPECT_TRUE(plan_renewal(after, kNames, later, later + kBundleSpreads).nothing());
}

TEST(RenewalPlan, OfManyAuthoritiesOnlyTheLastTwoStayInTheBundle) {
  TlsMaterial material = fresh();
  for (int i = 0; i < 3; ++i) material = with_new_authority(material, kNow + i).value();
  EXPECT_EQ(authorities_in(material), 2U);
}

TEST(RenewalPlan, WhatCannotServeIsMadeAnewAtOnceWithItsReason) {
  const TlsMaterial made = fresh();
  TlsMaterial no_pem = made;
  no_pem.certificate = "not PEM";
  TlsMaterial other_key = made;
  other_key.private_key = fresh().private_key;
  TlsMaterial other_authority = made;
  other_authority.authority_bundle = fresh().authority_bundle;

  struct Case {
    TlsMaterial material;
    UtcSeconds now;
    const char* reason;
  };
  const Case cases[] = {
      {no_pem, kNow, "there is no serving certificate"},
      {other_key, kNow, "the serving key is not that of its certificate"},
      {other_authority, kNow, "no authority of the bundle has signed the serving certificate"},
      {made, kNow + kServingLifetime, "the serving certificate is out of date"},
      {made, kNow - 2 * kClockSkew, "the serving certificate is out of date"},
  };
  for (const Case& c : cases) {
    const RenewalPlan plan = plan_renewal(c.material, kNames, std::nullopt, c.now);
    EXPECT_EQ(plan.reason, c.reason);
    EXPECT_TRUE(plan.serving_pair) << c.reason;
    EXPECT_TRUE(plan.cannot_serve) << c.reason;
    const auto next = renewed(c.material, plan, kNames, c.now);
    ASSERT_TRUE(next) << c.reason;
    EXPECT_EQ(verify(next->certificate, next->authority_bundle, kHost, c.now), X509_V_OK) << c.reason;
  }
}

TEST(RenewalPlan, ARenamedServiceNeedsANewPairOfTheSameAuthority) {
  const TlsMaterial made = fresh();
  const RenewalPlan plan =
      plan_renewal(made, service_dns_names("other", "walguard-system"), std::nullopt, kNow);
  EXPECT_EQ(plan.reason, "the serving certificate is for another name");
  EXPECT_FALSE(plan.authority);
}

TEST(RenewalPlan, AnAuthorityWithoutItsKeyIsReplacedWhileItsPairServesOn) {
  TlsMaterial keyless = fresh();
  keyless.authority_key.clear();
  const RenewalPlan plan = plan_renewal(keyless, kNames, std::nullopt, kNow);
  EXPECT_TRUE(plan.authority);
  EXPECT_FALSE(plan.serving_pair);
  EXPECT_EQ(plan.reason, "the authority's key is not that of its certificate");
  const auto next = renewed(keyless, plan, kNames, kNow);
  ASSERT_TRUE(next);
  EXPECT_EQ(verify(next->certificate, next->authority_bundle, kHost, kNow), X509_V_OK);
}

}  // namespace
}  // namespace walguard::controller
