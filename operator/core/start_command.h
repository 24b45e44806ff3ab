/// How a container is started: the words of its command line, scripts among them taken apart, and the
/// variables of its environment.
///
/// Internal to `recognise`. Pure, thread-safe; bounded in time and memory whatever the spec says: an author
/// of pods must not be able to hold the webhook. Words and values may be secret; see core::Launch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {

/// The environment of one container. Views into the Launch, which outlives it.
class Environment {
 public:
  enum class State : std::uint8_t {
    kAbsent,
    kMaybe,   ///< a source whose variables are not in view may set it
    kHidden,  ///< it is set; to what, is not in view
    kSet,
  };
  struct Lookup {
    State state = State::kAbsent;
    std::string value = {};            ///< kSet: with $(NAME) filled in, * for what is not in view
    std::string_view config_map = {};  ///< kSet: where the value stood, where in one
  };

  explicit Environment(const Launch& launch);

  /// An empty value is no value to the programs that walguard knows: kAbsent.
  [[nodiscard]] const Lookup& find(std::string_view name) const;
  /// Kubernetes fills $(NAME) into values and arguments, and leaves one that is not set as it is; $$ escapes.
  /// https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
  [[nodiscard]] std::string filled_in(std::string_view text) const;
  /// Those that are looked at, in their order.
  [[nodiscard]] const std::vector<const EnvironmentVariable*>& variables() const { return variables_; }

 private:
  std::vector<const EnvironmentVariable*> variables_;
  std::unordered_map<std::string_view, const EnvironmentVariable*> by_name_;  // the last of each name
  std::unordered_map<std::string_view, Lookup> known_;  // filled in once: scripts may ask very often
  Lookup unknown_;                                      // of every other name
};

/// One program with its arguments, as a shell would start it.
using CommandWords = std::vector<std::string>;

/// What the container runs: `command` and `args`, and where these hand a script to a shell (`sh -c "..."`)
/// the commands of the script. The first word of each is a program, or an argument to that of the image.
[[nodiscard]] std::vector<CommandWords> command_lines(const Launch& launch, const Environment& environment);

/// The program without its folder.
[[nodiscard]] std::string_view base_name(std::string_view program);

/// Splits as a POSIX shell does, with its quotes and without its expansions.
[[nodiscard]] CommandWords split_words(std::string_view text);

}  // namespace walguard::core
