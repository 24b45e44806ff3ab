# Writes OUTPUT, a C++ file that holds the text of the YAML files of DATA_DIR and defines embedded_sources().
# Arrays of characters, as string literals over 64 KiB are not portable.
set(code "// Made by embed.cmake from operator/knowledge/data.\n")
string(APPEND code "#include \"operator/knowledge/catalog_loader.h\"\n\n")
string(APPEND code "namespace walguard::knowledge {\nnamespace {\n")

set(fields "")
foreach(name IN ITEMS drivers mount_options filesystems apps)
  file(READ ${DATA_DIR}/${name}.yaml bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND code "constexpr char k_${name}[] = {${bytes}};\n")
  list(APPEND fields ".${name} = {k_${name}, sizeof k_${name}}")
endforeach()

list(JOIN fields ", " fields)
string(APPEND code "}  // namespace\n\nSources embedded_sources() { return {${fields}}; }\n\n")
string(APPEND code "}  // namespace walguard::knowledge\n")
file(WRITE ${OUTPUT} "${code}")
