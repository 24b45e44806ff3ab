// What the containers of the tests run: a small application that keeps its rows in SQLite, in WAL mode.
//
//   wal_app write FILE WRITER WRITERS ROWS   waits until WRITERS writers are there, then commits ROWS rows,
//   one
//                                            after another; prints how many were acknowledged
//   wal_app count FILE                       prints "ROWS rows of WRITERS writers, integrity ok, journal wal"
//   wal_app hold FILE                        opens it, reads, and keeps it open until it is ended
#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

namespace {

class Database {
 public:
  explicit Database(const std::string& file) {
    if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) fail("open");
    sqlite3_busy_timeout(handle_, 60'000);
    (void)ask("PRAGMA journal_mode=WAL");
    (void)ask("PRAGMA synchronous=NORMAL");
    (void)ask(
        "CREATE TABLE IF NOT EXISTS entry (writer INTEGER, number INTEGER, PRIMARY KEY (writer, number))");
    (void)ask("CREATE TABLE IF NOT EXISTS present (writer INTEGER PRIMARY KEY)");
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(handle_); }

  /// The first column of the first row; empty where there is none.
  std::string ask(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail(sql);
    std::string answer;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      const auto* const text = sqlite3_column_text(statement, 0);
      if (text != nullptr) answer = reinterpret_cast<const char*>(text);
      while (code == SQLITE_ROW) code = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE) fail(sql);
    return answer;
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + sqlite3_errmsg(handle_));
  }

  sqlite3* handle_ = nullptr;
};

int write(const std::string& file, const std::string& writer, int writers, int rows) {
  Database database(file);
  (void)database.ask("INSERT OR IGNORE INTO present VALUES (" + writer + ")");
  while (std::stoi(database.ask("SELECT count(*) FROM present")) < writers) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  int acknowledged = 0;
  for (; acknowledged < rows; ++acknowledged) {
    (void)database.ask("INSERT INTO entry VALUES (" + writer + ", " + std::to_string(acknowledged) + ")");
  }
  std::cout << acknowledged << " acknowledged\n";
  return 0;
}

int count(const std::string& file) {
  Database database(file);
  std::cout << database.ask("SELECT count(*) FROM entry") << " rows of "
            << database.ask("SELECT count(DISTINCT writer) FROM entry") << " writers, integrity "
            << database.ask("PRAGMA integrity_check") << ", journal " << database.ask("PRAGMA journal_mode")
            << "\n";
  return 0;
}

int hold(const std::string& file) {
  // As process 1 of a container it would be spared a signal that it does not handle.
  struct sigaction action = {};
  action.sa_handler = [](int) { ::_exit(0); };
  ::sigaction(SIGTERM, &action, nullptr);
  Database database(file);
  std::cout << database.ask("SELECT count(*) FROM entry") << " rows\n" << std::flush;
  while (true) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 5 && words[0] == "write") {
      return write(words[1], words[2], std::stoi(words[3]), std::stoi(words[4]));
    }
    if (words.size() == 2 && words[0] == "count") return count(words[1]);
    if (words.size() == 2 && words[0] == "hold") return hold(words[1]);
    std::cerr << "usage: wal_app write FILE WRITER WRITERS ROWS | count FILE | hold FILE\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "wal_app: " << error.what() << "\n";
    return 1;
  }
}
