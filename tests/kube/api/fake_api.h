/// A server that answers as a test tells it to: whole answers, streams that a test writes into while they
/// run, connections cut in the middle, silence. HTTP/1.1, in the clear or with TLS.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace walguard::kube::testing {

/// The body of one streamed answer. Thread-safe. What is written is sent as a chunk of its own.
class LiveBody {
 public:
  void write(std::string text);
  /// Ends the answer in good order, after what was written.
  void finish();
  /// Closes the connection without the end of the answer, after what was written.
  void cut();

  enum class Next { kText, kEnd, kCut };
  /// For the server: blocks until there is something to do.
  Next take(std::string& text);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> texts_;
  bool finished_ = false;
  bool cut_ = false;
};

struct FakeRequest {
  std::string method;
  std::string target;
  std::string authorization;
  std::string content_type;
  std::string host;
  std::string body;
  int remote_port = 0;  ///< tells connections apart
};

struct FakeAnswer {
  int status = 200;
  std::string body = {};
  std::map<std::string, std::string> headers = {};
  std::shared_ptr<LiveBody> live = nullptr;  ///< instead of `body`
};

struct FakeTls {
  std::string certificate;
  std::string key;
  std::string client_authority;  ///< ask for a client certificate signed by this one; "" for none
};

class FakeApi {
 public:
  /// Called on the server's threads, one call at a time.
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;

  /// `port` 0: any free one.
  explicit FakeApi(Handler handler, const FakeTls& tls = {}, int port = 0);
  FakeApi(const FakeApi&) = delete;
  FakeApi& operator=(const FakeApi&) = delete;
  /// Cuts what still runs.
  ~FakeApi();

  /// "http://127.0.0.1:PORT", or https.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::vector<FakeRequest> requests() const;

 private:
  class Impl;
  FakeAnswer answer(const FakeRequest& request);

  const Handler handler_;
  mutable std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  std::vector<std::shared_ptr<LiveBody>> live_;
  std::unique_ptr<Impl> impl_;
  const std::string scheme_;
  int port_ = 0;
  std::thread serving_;
};

}  // namespace walguard::kube::testing
