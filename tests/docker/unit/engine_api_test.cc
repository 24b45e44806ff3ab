#include "operator/docker/engine_api.h"

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "operator/docker/mount_watch.h"
#include "tests/support/files.h"

namespace walguard::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Says `answer` to each request on a socket, and keeps the request's head. `hold` keeps the connection open.
class SocketServer {
 public:
  SocketServer(std::string path, std::string answer, bool hold = false)
      : path_(std::move(path)), answer_(std::move(answer)), hold_(hold) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  ~SocketServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (const int held : held_) ::close(held);
  }

  std::string head() {
    const std::lock_guard lock(mutex_);
    return head_;
  }

 private:
  void serve() {
    while (true) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      std::string head;
      std::array<char, 1024> piece{};
      while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::read(client, piece.data(), piece.size());
        if (count <= 0) break;
        head.append(piece.data(), static_cast<std::size_t>(count));
      }
      {
        const std::lock_guard lock(mutex_);
        head_ = head;
      }
      std::ignore = ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);  // it may have gone away
      if (hold_) {
        held_.push_back(client);
      } else {
        ::close(client);
      }
    }
  }

  const std::string path_;
  const std::string answer_;
  const bool hold_;
  int listener_ = -1;
  std::mutex mutex_;
  std::string head_;
  std::vector<int> held_;
  std::thread thread_;
};

std::string reply(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class EngineApiTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string socket() const { return folder_ / "engine.sock"; }
  [[nodiscard]] std::unique_ptr<EngineApi> api() const {
    return connect_engine("unix://" + socket()).value();
  }

 private:
  const walguard::testing::TempDir folder_;
};

TEST_F(EngineApiTest, AsksOverTheSocketAndGivesTheBody) {
  SocketServer server(socket(), reply("200 OK", "{}"));
  EXPECT_EQ(api()->get("/info", {}).value(), "{}");
  EXPECT_THAT(server.head(), StartsWith("GET /info HTTP/1.1\r\n"));
}

TEST_F(EngineApiTest, ATargetThatIsNotThereIsToldFromAnEngineThatIsNot) {
  SocketServer server(socket(), reply("404 Not Found", R"({"message":"No such container: x"})"));
  const auto missing = api()->get("/containers/x/json", {});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("No such container: x"));
  const auto nobody = connect_engine("unix://" + socket() + ".none").value()->get("/info", {});
  ASSERT_FALSE(nobody);
  EXPECT_FALSE(nobody.error().not_found);
}

TEST_F(EngineApiTest, AStreamIsReadLineByLineAsItComesAndEndsWithItsReader) {
  SocketServer server(
      socket(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"a\":1\r\n7\r\n}\n{}\n{}\r\n",
      /*hold=*/true);
  std::vector<std::string> seen;
  const auto result = api()->stream(
      "/events", std::chrono::seconds(60), [&] { seen.emplace_back("open"); },
      [&](std::string_view line) {
        seen.emplace_back(line);
        return seen.size() < 3;
      },
      {});
  EXPECT_TRUE(result);
  EXPECT_THAT(seen, ElementsAre("open", "{\"a\":1}", "{}"));
}

TEST_F(EngineApiTest, AStreamIsOpenBeforeItsFirstLineAndTimeThatIsUpIsItsGoodEnd) {
  SocketServer server(socket(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", /*hold=*/true);
  bool open = false;
  const auto result = api()->stream(
      "/events", std::chrono::milliseconds(200), [&] { open = true; }, [](std::string_view) { return true; },
      {});
  EXPECT_TRUE(open);
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(EngineApiTest, AStreamThatBreaksOffOrIsRefusedIsAnError) {
  {
    SocketServer server(socket(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    EXPECT_FALSE(
        api()->stream("/events", std::chrono::seconds(60), [] {}, [](std::string_view) { return true; }, {}));
  }
  ::unlink(socket().c_str());
  SocketServer refusing(socket(), reply("403 Forbidden", R"({"message":"no"})"));
  bool open = false;
  EXPECT_FALSE(api()->stream(
      "/events", std::chrono::seconds(60), [&] { open = true; }, [](std::string_view) { return true; }, {}));
  EXPECT_FALSE(open);
}

TEST_F(EngineApiTest, AStreamEndsAtOnceWhenItIsStopped) {
  SocketServer server(socket(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", /*hold=*/true);
  std::stop_source stop;
  const auto result = api()->stream(
      "/events", std::chrono::seconds(60), [&] { stop.request_stop(); },
      [](std::string_view) { return true; }, stop.get_token());
  EXPECT_FALSE(result);
}

TEST(EngineHost, OnlyASocketOfThisMachineIsTaken) {
  EXPECT_EQ(socket_of("unix:///var/run/docker.sock").value(), "/var/run/docker.sock");
  for (const char* const other :
       {"tcp://10.0.0.1:2375", "ssh://host", "", "unix://docker.sock", "/var/run/docker.sock"}) {
    const auto refused = socket_of(other);
    ASSERT_FALSE(refused) << other;
    EXPECT_THAT(refused.error(), HasSubstr("expected unix:///PATH"));
  }
}

TEST_F(EngineApiTest, TheMountsAreThoseOfTheProcessBehindTheSocket) {
  SocketServer server(socket(), reply("200 OK", "{}"));
  EXPECT_EQ(mountinfo_of_engine(socket()), "/proc/" + std::to_string(::getpid()) + "/mountinfo");
  EXPECT_EQ(mountinfo_of_engine(socket() + ".none"), "");
}

/// In a mount namespace of its own, where nobody else mounts anything.
void watch_a_mount_come(const std::string& folder) {
  ASSERT_EQ(::unshare(CLONE_FS | CLONE_NEWNS), 0);
  // The mount that the folder is on; in a chroot that need not be "/".
  std::filesystem::path mounted = folder;
  while (::mount("none", mounted.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
    ASSERT_NE(mounted, mounted.parent_path()) << "no mount to be seen";
    mounted = mounted.parent_path();
  }
  MountWatch watch([] { return std::string("/proc/thread-self/mountinfo"); });
  const auto before = watch.current();
  ASSERT_NE(before, nullptr);
  EXPECT_NE(before->find(folder)->mount_point, folder);
  EXPECT_EQ(watch.current(), before) << "nothing has changed, so nothing is read";
  ASSERT_EQ(::mount("none", folder.c_str(), "tmpfs", 0, nullptr), 0);
  const auto after = watch.current();
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->find(folder)->mount_point, folder);
  EXPECT_EQ(after->find(folder)->fstype, "tmpfs");
}

TEST(MountWatch, AMountThatComesIsSeenAndNothingIsReadWhileNothingChanges) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for a mount namespace";
  const walguard::testing::TempDir folder;
  std::thread([&] { watch_a_mount_come(folder.path().string()); }).join();
}

TEST(MountWatch, MountsThatCannotBeSeenAreNotThereAndAreAskedForAgain) {
  std::string path;
  MountWatch watch([&] { return path; });
  EXPECT_EQ(watch.current(), nullptr);
  path = "/proc/self/mountinfo";
  EXPECT_NE(watch.current(), nullptr);
}

}  // namespace
}  // namespace walguard::docker
