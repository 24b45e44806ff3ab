// `walguard selftest` as `helm test` runs it: the real program asks a real webhook over TLS.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.h"
#include "tests/server/http/test_certificate.h"

namespace walguard::cli::testing {
namespace {

using server::testing::TestCertificate;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Selftest : public ::testing::Test {
 protected:
  std::vector<std::string> serving(const std::string& mode) {
    return {"--tls-cert", certificate_.files().certificate,
            "--tls-key",  certificate_.files().private_key,
            "--mode",     mode};
  }
  std::vector<std::string> asking(int port, const std::string& path = "/validate") {
    return {"selftest", "--url", "https://127.0.0.1:" + std::to_string(port) + path, "--ca-file",
            certificate_.files().certificate};
  }

  TestFolder folder_;
  TestCertificate certificate_;
};

TEST_F(Selftest, PassesAgainstARunningWebhookWhateverItsMode) {
  for (const std::string mode : {"warn", "enforce"}) {
    const ServedWalguard served(folder_, serving(mode));
    Program program(folder_, asking(served.https_port()));
    EXPECT_EQ(program.exit_code(), 0) << program.errors();
    EXPECT_THAT(program.output(), HasSubstr("on NFS, is denied ("));
  }
}

TEST_F(Selftest, SaysThatWalguardIsOffWhereItIs) {
  const ServedWalguard served(folder_, serving("off"));
  Program program(folder_, asking(served.https_port()));
  EXPECT_EQ(program.exit_code(), 0) << program.errors();
  EXPECT_THAT(program.output(), HasSubstr("on NFS, is denied, where walguard is not off as it is here ("));
}

TEST_F(Selftest, FailsWithTheAnswerWhereTheWebhookDoesNotDeny) {
  const ServedWalguard served(folder_, serving("warn"));
  Program program(folder_, asking(served.https_port(), "/mutate"));  // which never denies
  EXPECT_EQ(program.exit_code(), 4);
  EXPECT_THAT(program.output(), StartsWith("ok: a pod without volumes is allowed"));
  EXPECT_THAT(program.errors(), HasSubstr(R"("allowed":true)"));
}

TEST_F(Selftest, FailsWhereItsAuthorityDidNotSignTheWebhooksCertificate) {
  const TestCertificate another;
  const ServedWalguard served(folder_, serving("warn"));
  auto arguments = asking(served.https_port());
  arguments.back() = another.files().certificate;
  arguments.insert(arguments.end(), {"--timeout", "0"});
  Program program(folder_, arguments);
  EXPECT_EQ(program.exit_code(), 4);
  EXPECT_THAT(program.errors(), HasSubstr("certificate"));
}

TEST_F(Selftest, WaitsForAWebhookThatIsStillStartingAndSaysThatItCameNot) {
  Program program(folder_, {"selftest", "--url", "https://127.0.0.1:1/validate", "--timeout", "1"});
  EXPECT_EQ(program.exit_code(), 4);
  EXPECT_THAT(program.errors(), HasSubstr("https://127.0.0.1:1/validate: should be: a pod without volumes"));
}

TEST_F(Selftest, RefusesAnAddressThatIsNotWhole) {
  for (const std::string url : {"http://walguard/validate", "https:///validate", "https://walguard"}) {
    Program program(folder_, {"selftest", "--url", url});
    EXPECT_EQ(program.exit_code(), 2) << url;
    EXPECT_THAT(program.errors(), HasSubstr("--url: \"" + url + "\": give the whole address"));
  }
}

}  // namespace
}  // namespace walguard::cli::testing
