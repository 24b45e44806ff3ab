#include "preflight/cli/cli.h"

int main(int argc, char** argv) { return walguard::preflight::run_cli(argc, argv); }
