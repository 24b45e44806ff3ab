#include "tests/kube/api/fake_api.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <httplib.h>

#ifdef __SANITIZE_THREAD__
// Debian's cpp-httplib is not compiled for ThreadSanitizer, which sees its string comparisons and not how it
// guards the tables it makes at first use.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier): its name
  return "called_from_lib:libcpp-httplib.so\n";
}
#endif

namespace walguard::kube::testing {

void LiveBody::write(std::string text) {
  const std::lock_guard lock(mutex_);
  texts_.push_back(std::move(text));
  changed_.notify_all();
}

void LiveBody::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void LiveBody::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
  changed_.notify_all();
}

LiveBody::Next LiveBody::take(std::string& text) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !texts_.empty() || finished_ || cut_; });
  if (texts_.empty()) return cut_ ? Next::kCut : Next::kEnd;
  text = std::move(texts_.front());
  texts_.pop_front();
  return Next::kText;
}

class FakeApi::Impl {
 public:
  std::unique_ptr<httplib::Server> server;
};

namespace {

void send_live(const std::shared_ptr<LiveBody>& live, httplib::Response& response) {
  response.set_chunked_content_provider("application/json", [live](std::size_t, httplib::DataSink& sink) {
    std::string text;
    switch (live->take(text)) {
      case LiveBody::Next::kText:
        return sink.write(text.data(), text.size());
      case LiveBody::Next::kEnd:
        sink.done();
        return true;
      case LiveBody::Next::kCut:
        return false;
    }
    return false;
  });
}

}  // namespace

FakeApi::FakeApi(Handler handler, const FakeTls& tls, int port)
    : handler_(std::move(handler)),
      impl_(std::make_unique<Impl>()),
      scheme_(tls.certificate.empty() ? "http" : "https") {
  if (tls.certificate.empty()) {
    impl_->server = std::make_unique<httplib::Server>();
  } else {
    const char* const authority = tls.client_authority.empty() ? nullptr : tls.client_authority.c_str();
    impl_->server = std::make_unique<httplib::SSLServer>(tls.certificate.c_str(), tls.key.c_str(), authority);
  }
  const auto serve = [this](const httplib::Request& request, httplib::Response& response) {
    const FakeAnswer answered =
        answer({request.method, request.target, request.get_header_value("Authorization"),
                request.get_header_value("Content-Type"), request.get_header_value("Host"), request.body,
                request.remote_port});
    response.status = answered.status;
    for (const auto& [name, value] : answered.headers) response.set_header(name.c_str(), value);
    if (answered.live) return send_live(answered.live, response);
    response.set_content(answered.body, "application/json");
  };
  impl_->server->Get(".*", serve);
  impl_->server->Post(".*", serve);
  impl_->server->Patch(".*", serve);
  impl_->server->Delete(".*", serve);
  impl_->server->set_tcp_nodelay(true);
  // A watch keeps a thread for as long as it lasts, and an index watches many resources.
  impl_->server->new_task_queue = [] { return new httplib::ThreadPool(64); };
  const bool bound = port == 0 || impl_->server->bind_to_port("127.0.0.1", port);
  port_ = port == 0 ? impl_->server->bind_to_any_port("127.0.0.1") : port;
  if (!bound || port_ <= 0) throw std::runtime_error("the fake API server cannot listen");
  serving_ = std::thread([this] { impl_->server->listen_after_bind(); });
  while (!impl_->server->is_running()) std::this_thread::yield();  // before that, stop() would be lost
}

FakeApi::~FakeApi() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& live : live_) live->cut();
  }
  impl_->server->stop();
  serving_.join();
}

std::string FakeApi::url() const { return scheme_ + "://127.0.0.1:" + std::to_string(port_); }

std::vector<FakeRequest> FakeApi::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

FakeAnswer FakeApi::answer(const FakeRequest& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  FakeAnswer answered = handler_(request);
  if (answered.live) live_.push_back(answered.live);
  return answered;
}

}  // namespace walguard::kube::testing
