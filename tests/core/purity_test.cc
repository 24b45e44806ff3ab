// The decision core is pure: the same facts give the same answer, anywhere, at any time. It includes nothing
// that could read a clock, a file, the network or chance, and its archive leaves no such symbol for the
// linker to fill.
#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <istream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <stdio.h>  // popen is of POSIX, not of <cstdio>

namespace walguard::core {
namespace {

/// Headers of pure values and algorithms. <functional> is here for std::hash and std::greater, <system_error>
/// for what std::from_chars returns.
const std::set<std::string, std::less<>> kPureHeaders = {
    "algorithm",    "array",    "cctype",      "charconv",       "cmath",
    "compare",      "concepts", "cstddef",     "cstdint",        "functional",
    "iterator",     "limits",   "map",         "numeric",        "optional",
    "ranges",       "set",      "span",        "string",         "string_view",
    "system_error", "tuple",    "type_traits", "unordered_map",  "unordered_set",
    "utility",      "variant",  "vector",      "tl/expected.hpp"};

/// What the linker may be asked for, by the beginning of the demangled symbol: the core itself, memory,
/// exceptions, strings and containers. Everything else is suspect: an allow-list fails when something new
/// comes.
constexpr std::array<std::string_view, 31> kPureSymbols = {
    "walguard::core::", "std::optional<walguard::core::",
    // Memory and bytes.
    "operator new", "operator delete", "std::nothrow", "std::allocator<", "memcmp", "memcpy", "memmove",
    "memset", "memchr", "strlen",
    // Exceptions, type information and static initialisation of function-local constants.
    "__cxa_", "__gxx_personality_v0", "_Unwind_", "vtable for __cxxabiv1::", "std::terminate()",
    "typeinfo for std::", "vtable for std::exception",
    // Hashing, strings, trees and the tables of hash maps.
    "std::_Hash_bytes", "std::__cxx11::basic_string<", "std::_Rb_tree_",
    "std::__detail::_Prime_rehash_policy::",
    // std::length_error and its kin, thrown by containers.
    "std::__throw_", "std::exception::",
    // Of one character, of one number.
    "tolower", "lround",
    // Hardening, assertions of tl::expected, and position-independent code.
    "__stack_chk_", "std::__glibcxx_assert_fail", "__assert_fail", "_GLOBAL_OFFSET_TABLE_"};

/// Added by the compiler's sanitizers, coverage and profile, never by code.
constexpr std::array<std::string_view, 8> kInstrumentation = {
    "__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "__gcov_", "__llvm_", "__lsan_", "__sancov_"};

template <std::size_t N>
bool begins_with_one_of(std::string_view symbol, const std::array<std::string_view, N>& beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view known) { return symbol.starts_with(known); });
}

bool is_pure(std::string_view symbol) {
  return begins_with_one_of(symbol, kPureSymbols) || begins_with_one_of(symbol, kInstrumentation);
}

std::vector<std::filesystem::path> core_sources() {
  std::vector<std::filesystem::path> sources;
  for (const auto& entry : std::filesystem::directory_iterator(WALGUARD_SOURCE_DIR "/operator/core")) {
    const auto extension = entry.path().extension();
    if (extension == ".h" || extension == ".cc") sources.push_back(entry.path());
  }
  return sources;
}

/// The text between <> or "" of every #include.
std::vector<std::string> includes_of(const std::filesystem::path& source) {
  std::vector<std::string> headers;
  std::ifstream file(source);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string directive;
    words >> std::ws;
    if (words.get() != '#') continue;
    words >> directive;
    if (directive != "include") continue;
    const auto open = line.find_first_of("<\"");
    const auto close = line.find_first_of(">\"", open + 1);
    headers.push_back(line.substr(open + 1, close - open - 1));
  }
  return headers;
}

std::set<std::string> undefined_symbols() {
  const std::string command = WALGUARD_NM " -C --undefined-only --format=posix " WALGUARD_CORE_ARCHIVE;
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), pclose);
  std::set<std::string> symbols;
  if (!output) return symbols;
  std::string text;
  std::array<char, 4096> chunk{};
  while (const std::size_t got = fread(chunk.data(), 1, chunk.size(), output.get()))
    text.append(chunk.data(), got);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // "symbol U"; what has no type is the name of an object file, which GNU and LLVM write differently.
    const auto type = std::max(line.rfind(" U") + 1, line.rfind(" w") + 1);  // npos + 1 is 0
    if (type != 0) symbols.insert(line.substr(0, type - 1));
  }
  return symbols;
}

TEST(Purity, CoreIncludesItselfExpectedAndPureStandardHeadersOnly) {
  const auto sources = core_sources();
  ASSERT_GT(sources.size(), 20U) << "the sources of core were not found";
  for (const auto& source : sources) {
    for (const std::string& header : includes_of(source)) {
      EXPECT_TRUE(header.starts_with("operator/core/") || kPureHeaders.contains(header))
          << source.filename() << " includes <" << header << ">";
    }
  }
}

TEST(Purity, CoreLeavesNoSymbolOfClockFileOrNetworkToTheLinker) {
  const auto symbols = undefined_symbols();
  ASSERT_TRUE(std::ranges::any_of(symbols, [](const auto& s) { return s.starts_with("walguard::core::"); }))
      << "nm listed nothing of " WALGUARD_CORE_ARCHIVE;
  for (const std::string& symbol : symbols) {
    EXPECT_TRUE(is_pure(symbol)) << "core needs \"" << symbol << "\" from outside";
  }
}

TEST(Purity, TheAllowListLetsNoClockFileNetworkOrChanceThrough) {
  for (const std::string_view symbol :
       {"clock_gettime",
        "time",
        "gettimeofday",
        "open",
        "open64",
        "fopen",
        "fopen64",
        "read",
        "write",
        "close",
        "socket",
        "connect",
        "getenv",
        "rand",
        "random",
        "getrandom",
        "printf",
        "std::cout",
        "std::random_device::",
        "std::chrono::_V2::system_clock::now()",
        "std::chrono::_V2::steady_clock::now()",
        "pthread_create",
        "std::filesystem::status(std::filesystem::__cxx11::path const&)",
        "std::thread::_M_start_thread",
        "std::basic_ofstream<char, std::char_traits<char> >::basic_ofstream()",
        "std::ios_base::Init::Init()"}) {
    EXPECT_FALSE(is_pure(symbol)) << symbol;
  }
}

}  // namespace
}  // namespace walguard::core
