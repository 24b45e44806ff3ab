#include "operator/core/start_command.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::core {
namespace {

constexpr std::size_t kMostVariables = 1000;
constexpr std::size_t kLongestValue = 16384;  // of a variable or a word, a whole script among them
constexpr std::size_t kLongestName = 256;
constexpr std::size_t kMostWords = 10000;      // of a container, and of a script
constexpr std::size_t kMostFilledIn = 262144;  // bytes: of all variables, of all words, of a script

/// In the place of what is filled in and nobody here knows; any text to those who read paths.
constexpr char kUnknownPart = '*';

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_shell(std::string_view program) {
  constexpr std::array<std::string_view, 6> kShells = {"sh", "bash", "ash", "dash", "zsh", "busybox"};
  return std::ranges::find(kShells, base_name(program)) != kShells.end();
}

/// "-c", "-ec", "-lc".
bool takes_script(std::string_view option) {
  return option.size() > 1 && option.front() == '-' && option[1] != '-' && option.ends_with('c');
}

/// Takes a script apart, as far as it needs no running: words, quotes, ends of commands, plain variables.
class ScriptReader {
 public:
  ScriptReader(std::string_view text, const Environment* environment)
      : text_(text.substr(0, kLongestValue)), environment_(environment) {}

  std::vector<CommandWords> read() {
    while (at_ < text_.size() && words_ < kMostWords) step();
    end_command();
    return std::move(commands_);
  }

 private:
  void step() {
    const char c = text_[at_];
    const bool literal = quote_ == '\'';
    if (c == '$' && !literal && environment_ != nullptr) {
      fill_in();
      return;
    }
    if (c == '\\' && !literal && at_ + 1 < text_.size()) {
      ++at_;
      if (text_[at_] != '\n') add(text_[at_]);
    } else if (quote_ != 0) {
      inside_quotes(c);
    } else {
      outside_quotes(c);
    }
    ++at_;
  }

  void inside_quotes(char c) {
    if (c == quote_) {
      quote_ = 0;
    } else {
      add(c);
    }
  }

  void outside_quotes(char c) {
    const bool ends_commands =
        environment_ != nullptr && std::string_view(";&|\n(){}<>").find(c) != std::string_view::npos;
    if (c == '\'' || c == '"') {
      quote_ = c;
      in_word_ = true;
    } else if (ends_commands) {
      end_command();
    } else if (c == ' ' || c == '\t' || c == '\n') {
      end_word();
    } else {
      add(c);
    }
  }

  void add(char c) {
    word_ += c;
    in_word_ = true;
  }

  void end_word() {
    if (in_word_) {
      command_.push_back(std::move(word_));
      ++words_;
    }
    word_.clear();
    in_word_ = false;
  }

  void end_command() {
    end_word();
    if (!command_.empty()) commands_.push_back(std::move(command_));
    command_.clear();
  }

  /// $NAME, ${NAME}, ${NAME:-default} and ${NAME-default}.
  void fill_in() {
    ++at_;
    in_word_ = true;
    const bool braces = at_ < text_.size() && text_[at_] == '{';
    if (braces) ++at_;
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    std::optional<std::string_view> otherwise;
    if (braces) {
      const std::size_t end = std::min(text_.find('}', at_), text_.size());
      std::string_view rest = text_.substr(at_, end - at_);
      if (rest.starts_with(':')) rest.remove_prefix(1);
      if (rest.starts_with('-')) otherwise = rest.substr(1);
      at_ = std::min(end + 1, text_.size());
    }
    const Environment::Lookup& known = environment_->find(name);
    if (known.state == Environment::State::kSet && filled_ < kMostFilledIn) {
      filled_ += known.value.size();
      word_ += known.value;
    } else if (known.state == Environment::State::kAbsent && otherwise) {
      word_ += *otherwise;
    } else {
      word_ += kUnknownPart;
    }
  }

  std::string_view text_;
  const Environment* environment_;  // null: words alone, $ and ; stand for themselves
  std::size_t at_ = 0;
  char quote_ = 0;
  bool in_word_ = false;
  std::size_t words_ = 0;
  std::size_t filled_ = 0;  // bytes
  std::string word_;
  CommandWords command_;
  std::vector<CommandWords> commands_;
};

bool is_assignment(std::string_view word) {
  const auto equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::ranges::all_of(word.substr(0, equals), is_name_character);
}

/// What starts another program and is not meant itself.
bool is_wrapper(std::string_view word) {
  constexpr std::array<std::string_view, 8> kWrappers = {"exec", "env",       "nohup", "command",
                                                         "tini", "dumb-init", "--",    "catatonit"};
  return std::ranges::find(kWrappers, base_name(word)) != kWrappers.end();
}

/// Moves what stands before the program behind it: assignments stay in view, the program comes first.
void put_program_first(CommandWords& words) {
  const auto program = std::ranges::find_if_not(
      words, [](const std::string& word) { return is_wrapper(word) || is_assignment(word); });
  if (program != words.end()) std::rotate(words.begin(), program, words.end());
}

}  // namespace

Environment::Environment(const Launch& launch) {
  // Of a name that is set twice the last counts, so of too many variables the last are read.
  const std::size_t count = launch.environment.size();
  const std::size_t skipped = count > kMostVariables ? count - kMostVariables : 0;
  if (skipped > 0) unknown_.state = State::kMaybe;
  for (std::size_t i = 0; i < count; ++i) {
    const EnvironmentVariable& variable = launch.environment[i];
    if (variable.is_source) unknown_.state = State::kMaybe;
    if (variable.is_source || i < skipped) continue;
    variables_.push_back(&variable);
    by_name_.insert_or_assign(variable.name, &variable);
  }
  std::size_t filled = 0;
  for (const EnvironmentVariable* variable : variables_) {
    if (by_name_.at(variable->name) != variable) continue;
    Lookup& known = known_[variable->name];
    known.state = State::kHidden;
    if (!variable->in_view || variable->value.size() > kLongestValue || filled > kMostFilledIn) continue;
    known.state = variable->value.empty() ? State::kAbsent : State::kSet;
    known.value = filled_in(variable->value);
    if (known.state == State::kSet) known.config_map = variable->config_map;
    filled += known.value.size();
  }
}

const Environment::Lookup& Environment::find(std::string_view name) const {
  const auto it = known_.find(name);
  return it == known_.end() ? unknown_ : it->second;
}

std::string Environment::filled_in(std::string_view text) const {
  std::string out;
  std::size_t end = 0;  // of a reference; looked for only once it is passed, so that the time stays linear
  for (std::size_t at = 0; at < text.size() && out.size() <= kLongestValue;) {
    const auto dollar = std::min(text.find('$', at), text.size());
    out += text.substr(at, dollar - at);
    at = dollar;
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("$$")) {
      out += '$';
      at += 2;
      continue;
    }
    if (end < at) end = std::min(text.find(')', at), text.size());
    const EnvironmentVariable* variable = nullptr;
    if (rest.starts_with("$(") && end < text.size() && end - at <= kLongestName) {
      const auto named = by_name_.find(text.substr(at + 2, end - at - 2));
      if (named != by_name_.end()) variable = named->second;
    }
    if (variable != nullptr) {
      // What such a value refers to itself is not followed.
      if (variable->in_view && variable->value.size() <= kLongestValue) {
        out += variable->value;
      } else {
        out += kUnknownPart;
      }
      at = end + 1;
    } else if (!rest.empty()) {
      out += '$';
      ++at;
    }
  }
  return out;
}

std::string_view base_name(std::string_view program) { return program.substr(program.rfind('/') + 1); }

CommandWords split_words(std::string_view text) {
  std::vector<CommandWords> commands = ScriptReader(text, nullptr).read();
  return commands.empty() ? CommandWords{} : std::move(commands.front());
}

std::vector<CommandWords> command_lines(const Launch& launch, const Environment& environment) {
  CommandWords words;
  std::size_t filled = 0;
  for (const auto* list : {&launch.command, &launch.args}) {
    for (const std::string& word : *list) {
      if (words.size() >= kMostWords || filled > kMostFilledIn) break;
      if (word.size() <= kLongestValue) words.push_back(environment.filled_in(word));
      filled += word.size() <= kLongestValue ? words.back().size() : 0;
    }
  }
  if (words.empty()) return {};
  put_program_first(words);
  std::vector<CommandWords> lines;
  if (is_shell(words.front())) {
    const auto option = std::ranges::find_if(words, takes_script);
    if (option != words.end() && option + 1 != words.end()) {
      lines = ScriptReader(*(option + 1), &environment).read();
      for (CommandWords& line : lines) put_program_first(line);
      words.erase(option, option + 2);
    }
  }
  lines.push_back(std::move(words));
  return lines;
}

}  // namespace walguard::core
