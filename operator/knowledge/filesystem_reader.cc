#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "operator/core/catalog.h"
#include "operator/knowledge/readers.h"
#include "operator/knowledge/strict_yaml.h"

namespace walguard::knowledge {
namespace {

/// statfs(2) f_type: 32 bits on every filesystem there is.
std::uint64_t read_magic(const Value& value) {
  const std::string text = value.text();
  std::uint32_t magic = 0;
  const char* const end = text.data() + text.size();
  const bool prefixed = text.starts_with("0x");
  const auto [stop, error] = std::from_chars(text.data() + (prefixed ? 2 : 0), end, magic, 16);
  if (!prefixed || error != std::errc() || stop != end) {
    value.fail(value.quoted() + " is not a magic number; write 0x and up to eight hexadecimal digits");
  }
  return magic;
}

core::Filesystem read_filesystem(const Value& entry, Unique& unique_names, Unique& unique_magics) {
  const Object fields(entry, {"names", "magic", "transport", "verified", "source"});
  core::Filesystem filesystem;
  for (const Value& name : fields.required("names").items()) {
    filesystem.names.push_back(name.text());
    unique_names.add(name);
  }
  if (const auto magic = fields.optional("magic")) {
    filesystem.magic = read_magic(*magic);
    unique_magics.add(*magic, std::to_string(*filesystem.magic));
  }
  filesystem.transport = read_transport(fields.required("transport"));
  filesystem.verified = fields.required("verified").flag();
  filesystem.source = fields.required("source").text();
  if (filesystem.verified && !filesystem.transport) {
    fields.required("verified").fail("true, but the transport is unknown; write false");
  }
  return filesystem;
}

}  // namespace

std::vector<core::Filesystem> read_filesystems(std::string_view yaml) {
  std::vector<core::Filesystem> filesystems;
  Unique unique_names("filesystem");
  Unique unique_magics("magic number");
  for (const Value& entry : read_entries(yaml, "filesystems.yaml", "filesystems")) {
    filesystems.push_back(read_filesystem(entry, unique_names, unique_magics));
  }
  return filesystems;
}

}  // namespace walguard::knowledge
