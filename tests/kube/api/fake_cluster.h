/// An API server with a list for each resource and watches that a test writes into.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/kube/api/fake_api.h"
#include "tests/support/files.h"

namespace walguard::kube::testing {

inline std::string list_of(const std::string& items) {
  return R"({"kind": "List", "metadata": {"resourceVersion": "5"}, "items": [)" + items + "]}";
}

/// One line of a watch.
inline std::string event(const std::string& type, std::string object) {
  std::erase(object, '\n');
  return R"({"type": ")" + type + R"(", "object": )" + object + "}\n";
}

/// Thread-safe. What has no list is empty.
class FakeCluster {
 public:
  FakeCluster() : api_([this](const FakeRequest& request) { return answer(request); }) {}

  /// `items`: objects separated by commas.
  void set_list(const std::string& plural, const std::string& items) {
    const std::lock_guard lock(mutex_);
    lists_[plural] = FakeAnswer{.body = list_of(items)};
  }
  void refuse(const std::string& plural) { fail(plural, 403, "Forbidden", "not for you"); }
  /// `last`: the end of the path, a plural or an object's name.
  void fail(const std::string& last, int code, const std::string& reason, const std::string& message) {
    const std::lock_guard lock(mutex_);
    lists_[last] = FakeAnswer{.status = code,
                              .body = R"({"kind": "Status", "code": )" + std::to_string(code) +
                                      R"(, "reason": ")" + reason + R"(", "message": ")" + message + R"("})"};
  }
  /// What any request for this object gets, whatever it asks.
  void set_object(const std::string& name, const std::string& json) {
    const std::lock_guard lock(mutex_);
    lists_[name] = FakeAnswer{.body = json};
  }
  /// Requests of this method for what a path ends in, a plural or an object's name.
  [[nodiscard]] int count(const std::string& method, const std::string& last) const {
    int found = 0;
    for (const FakeRequest& request : api_.requests()) {
      const std::string path = request.target.substr(0, request.target.find('?'));
      if (request.method == method && path.ends_with("/" + last)) ++found;
    }
    return found;
  }
  /// Everything that any request was for and said, in their order.
  [[nodiscard]] std::string received() const {
    std::string all;
    for (const FakeRequest& request : api_.requests()) all += request.target + "\n" + request.body + "\n";
    return all;
  }
  /// The newest watch of this resource, once there is one.
  std::shared_ptr<LiveBody> watch_of(const std::string& plural) {
    std::shared_ptr<LiveBody> live;
    EXPECT_TRUE(walguard::testing::eventually([&] {
      const std::lock_guard lock(mutex_);
      live = watches_[plural];
      return live != nullptr;
    }));
    return live;
  }
  [[nodiscard]] std::string url() const { return api_.url(); }

 private:
  FakeAnswer answer(const FakeRequest& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::string plural = path.substr(path.rfind('/') + 1);
    const std::lock_guard lock(mutex_);
    if (request.target.find("watch=") != std::string::npos) {
      watches_[plural] = std::make_shared<LiveBody>();
      return {.live = watches_[plural]};
    }
    const auto known = lists_.find(plural);
    return known != lists_.end() ? known->second : FakeAnswer{.body = list_of("")};
  }

  std::mutex mutex_;
  std::map<std::string, FakeAnswer> lists_;
  std::map<std::string, std::shared_ptr<LiveBody>> watches_;
  FakeApi api_;
};

}  // namespace walguard::kube::testing
