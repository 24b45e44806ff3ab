/// For the tests that walk over what is compiled in.
#pragma once

#include <stdexcept>
#include <string>

#include "operator/core/catalog.h"
#include "operator/core/verdict.h"
#include "operator/knowledge/catalog_loader.h"

namespace walguard::knowledge {

/// Loaded once for all tests of a program.
inline const core::Catalog& embedded_catalog() {
  static const auto loaded = load_embedded_catalog();
  if (!loaded) throw std::runtime_error(loaded.error());
  return *loaded;
}

/// A word of the data as what it names. Throws at one that names nothing, so that a slip is not taken for it.
template <typename Enum>
Enum named(const std::string& word) {
  const auto value = core::parse<Enum>(word);
  if (!value) throw std::invalid_argument(word);
  return *value;
}

}  // namespace walguard::knowledge
