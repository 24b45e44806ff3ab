#include "operator/wire/yaml_trouble.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace walguard::wire {
namespace {

struct Meaning {
  std::string_view complaint;
  std::string_view expected;
};

constexpr std::string_view kNoColon = "could not find expected ':'";
constexpr std::string_view kEndsInQuotes = "found unexpected end of stream";
constexpr std::string_view kDocumentEndsInQuotes = "found unexpected document indicator";

/// Of libyaml 0.2.5, src/parser.c and src/scanner.c.
constexpr Meaning kMeanings[] = {
    {"did not find expected key",
     "expected another key of the mapping, indented as its first one, or its end"},
    {"did not find expected '-' indicator",
     "expected another \"- \" of the list, indented as its first one, or its end"},
    {"did not find expected ',' or '}'", "expected a comma or the } of a mapping that began with {"},
    {"did not find expected ',' or ']'", "expected a comma or the ] of a list that began with ["},
    {"did not find expected node content", "found a character that no value begins with; expected a value"},
    {"did not find expected <document start>",
     "expected the end of the document; another one begins with a line of ---"},
    {"block sequence entries are not allowed in this context",
     "found a \"- \" where no list can begin; expected it on a line of its own"},
    {"mapping keys are not allowed in this context",
     "found a key where none can stand; expected it on a line of its own"},
    {"mapping values are not allowed in this context",
     "found a second \": \" where one value was expected; put a value that holds \": \" in quotes"},
    {kNoColon, "expected \": \" and a value behind the key, on the same line"},
    {kEndsInQuotes, "the file ends inside of quotes; expected the closing one"},
    {kDocumentEndsInQuotes, "the document ends inside of quotes; expected the closing one"},
    {"found character that cannot start any token",
     "found a character that no value begins with; put a value that begins with it in quotes"},
    {"did not find expected alphabetic or numeric character",
     "expected a name after * or &; put a value that begins with one of them in quotes"},
    {"found unknown escape character",
     "found a \\ in double quotes that begins no escape; write \\\\ or use single quotes"},
    {"found undefined tag handle", "found a tag; write the value without it"},
};

}  // namespace

bool lies_where_it_began(std::string_view complaint) {
  return complaint == kNoColon || complaint == kEndsInQuotes || complaint == kDocumentEndsInQuotes;
}

std::string explain_yaml_trouble(std::string_view complaint, std::string_view line) {
  // libyaml speaks of it in several ways, and of what comes of it.
  const std::size_t first = line.find_first_not_of(' ');
  if (first != std::string_view::npos && line[first] == '\t') {
    return "found a tab; expected spaces, as YAML is not indented by tabs";
  }
  const auto* const known = std::ranges::find(kMeanings, complaint, &Meaning::complaint);
  return std::string(known == std::end(kMeanings) ? complaint : known->expected);
}

}  // namespace walguard::wire
