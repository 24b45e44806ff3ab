// The same server on a socket in the file system.
#include <atomic>
#include <cerrno>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operator/server/http_limits.h"
#include "operator/server/http_message.h"
#include "operator/server/http_server.h"
#include "operator/server/unix_listener.h"
#include "tests/server/http/test_client.h"
#include "tests/support/files.h"

namespace walguard::server::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using walguard::testing::error_of;
using walguard::testing::TempDir;
using walguard::testing::write_file;

class HttpUnix : public ::testing::Test {
 protected:
  [[nodiscard]] static std::unique_ptr<HttpServer> server(HttpLimits limits = {}) {
    auto made = std::make_unique<HttpServer>(limits, std::nullopt, [](std::string_view) {});
    made->route("POST", "/echo",
                [](const HttpRequest& request, HttpResponse& response) { response.body = request.body; });
    return made;
  }
  [[nodiscard]] std::unique_ptr<HttpServer> serving(HttpLimits limits = {}) const {
    auto made = server(limits);
    const auto started = made->start(place());
    if (!started) throw std::runtime_error(started.error());
    return made;
  }
  [[nodiscard]] UnixSocketPlace place() const { return {.path = path_, .group = ""}; }
  [[nodiscard]] struct stat at_path() const {
    struct stat there{};
    if (::lstat(path_.c_str(), &there) != 0) throw std::system_error(errno, std::generic_category(), path_);
    return there;
  }
  [[nodiscard]] bool is_there() const { return ::access(path_.c_str(), F_OK) == 0; }

  /// As a program leaves it that was killed: a socket at which nobody answers.
  void leave_a_dead_socket() const {
    const auto child = ::fork();
    if (child == 0) {
      const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path_.copy(address.sun_path, sizeof address.sun_path - 1);
      const bool made = ::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                        ::listen(listening, 1) == 0;
      ::_exit(made ? 0 : 1);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error("no dead socket");
  }

  TempDir folder_;
  std::string path_ = folder_ / "walguard.sock";
};

TEST_F(HttpUnix, AnswersOnItsSocketWhichGoesAwayWithIt) {
  auto running = serving();
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "over a socket")).body, "over a socket");
  EXPECT_TRUE(running->drain(TestClient::kPatience));
  EXPECT_FALSE(is_there());
}

TEST_F(HttpUnix, OnlyItsUserAndItsGroupMayConnect) {
  const auto running = serving();
  EXPECT_TRUE(S_ISSOCK(at_path().st_mode));
  EXPECT_EQ(at_path().st_mode & 07777, 0660U);
}

TEST_F(HttpUnix, BelongsToTheGroupAskedForWhereThereIsOne) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give a socket to another group";
  const group* const other = ::getgrnam("daemon");
  ASSERT_NE(other, nullptr) << "Debian's base-passwd has this group";
  const auto wanted = other->gr_gid;
  {
    auto running = server();
    ASSERT_TRUE(running->start(UnixSocketPlace{.path = path_, .group = "daemon"}));
    EXPECT_EQ(at_path().st_gid, wanted);
  }
  auto running = server();
  ASSERT_TRUE(running->start(UnixSocketPlace{.path = path_, .group = "nobody-made-this-group"}));
  EXPECT_EQ(at_path().st_gid, ::getegid());
}

TEST_F(HttpUnix, ReplacesWhatADeadProcessHasLeft) {
  leave_a_dead_socket();
  ASSERT_TRUE(is_there());
  const auto running = serving();
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "new")).body, "new");
}

TEST_F(HttpUnix, RefusesThePathOfALiveOneWhichGoesOnServing) {
  const auto running = serving();
  EXPECT_THAT(error_of(server()->start(place())),
              AllOf(HasSubstr(path_), HasSubstr("running program"), HasSubstr("Remedy")));
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "still")).body, "still");
}

TEST_F(HttpUnix, RefusesWhatIsNoSocketAndLeavesItAlone) {
  write_file(path_, "a person's notes");
  EXPECT_THAT(error_of(server()->start(place())), AllOf(HasSubstr(path_), HasSubstr("no socket")));
  std::string kept;
  std::getline(std::ifstream(path_), kept);
  EXPECT_EQ(kept, "a person's notes");
}

TEST_F(HttpUnix, DoesNotRemoveASocketThatSomebodyElseHasPutThere) {
  auto running = serving();
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  const auto other = serving();
  EXPECT_TRUE(running->drain(TestClient::kPatience));
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "the other")).body, "the other");
}

TEST_F(HttpUnix, OfManyThatStartAtOnceOneServesAndTheRestAreRefused) {
  leave_a_dead_socket();
  constexpr int kStarting = 8;
  std::vector<std::unique_ptr<HttpServer>> servers;
  std::vector<std::thread> threads;
  std::atomic<int> serving_now = 0;
  for (int i = 0; i < kStarting; ++i) servers.push_back(server());
  for (const auto& one : servers) {
    threads.emplace_back([&, this] {
      if (one->start(UnixSocketPlace{.path = path_, .group = ""})) ++serving_now;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(serving_now, 1);
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "one")).body, "one");
}

TEST_F(HttpUnix, APathThatCannotBeListenedOnIsNamedWithARemedy) {
  path_ = folder_ / "missing/walguard.sock";
  EXPECT_THAT(error_of(server()->start(place())), AllOf(HasSubstr(path_), HasSubstr("Remedy")));
  path_ = folder_ / std::string(100, 'x');
  EXPECT_THAT(error_of(server()->start(place())), HasSubstr("too long"));
  path_ = "";
  EXPECT_THAT(error_of(server()->start(place())), HasSubstr("empty"));
}

TEST_F(HttpUnix, HoldsItsOwnLimitOnBodies) {
  const auto running = serving({.body_bytes = 10});
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "0123456789")).status, 200);
  EXPECT_EQ(TestClient(path_).ask(post("/echo", "01234567890")).status, 413);
}

}  // namespace
}  // namespace walguard::server::testing
