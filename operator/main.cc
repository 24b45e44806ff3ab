#include <exception>
#include <iostream>

#include "operator/cli/app.h"
#include "operator/cli/exit_code.h"

int main(int argc, char** argv) {
  try {
    return walguard::cli::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "walguard: internal error: " << error.what() << '\n';
  } catch (...) {
    std::cerr << "walguard: internal error\n";
  }
  return walguard::cli::kInternalError;
}
