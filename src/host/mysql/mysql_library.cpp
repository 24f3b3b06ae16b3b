#include "host/mysql/mysql_library.hpp"

#include <dlfcn.h>

#include <optional>

namespace whorl::host::mysql {
namespace {

/// Looks functions up, and notes whether all were there.
class Finder {
 public:
  explicit Finder(void* library) noexcept : library_(library) {}
  template <class Function>
  void find(const char* name, Function& function) noexcept {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    found_all_ = found_all_ && function != nullptr;
  }
  [[nodiscard]] bool found_all() const noexcept { return found_all_; }

 private:
  void* library_;
  bool found_all_ = true;
};

/// Never unloaded: connections may live until the end.
std::optional<MysqlLibrary> load() {
  void* library = ::dlopen("libmariadb.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return std::nullopt;
  }
  MysqlLibrary made;
  Finder finder(library);
  finder.find("mysql_init", made.init);
  finder.find("mysql_optionsv", made.set_option);
  finder.find("mysql_close", made.close);
  finder.find("mysql_get_socket", made.socket);
  finder.find("mysql_errno", made.error_number);
  finder.find("mysql_error", made.error_text);
  finder.find("mysql_sqlstate", made.sql_state);
  finder.find("mysql_get_server_version", made.server_version);
  finder.find("mysql_real_connect_start", made.connect_start);
  finder.find("mysql_real_connect_cont", made.connect_cont);
  finder.find("mysql_real_query_start", made.query_start);
  finder.find("mysql_real_query_cont", made.query_cont);
  finder.find("mysql_field_count", made.field_count);
  finder.find("mysql_free_result", made.free_result);
  finder.find("mysql_fetch_fields", made.fields);
  finder.find("mysql_num_fields", made.number_of_fields);
  finder.find("mysql_stmt_init", made.stmt_init);
  finder.find("mysql_stmt_close", made.stmt_close);
  finder.find("mysql_stmt_prepare_start", made.prepare_start);
  finder.find("mysql_stmt_prepare_cont", made.prepare_cont);
  finder.find("mysql_stmt_execute_start", made.execute_start);
  finder.find("mysql_stmt_execute_cont", made.execute_cont);
  finder.find("mysql_stmt_fetch_start", made.fetch_start);
  finder.find("mysql_stmt_fetch_cont", made.fetch_cont);
  finder.find("mysql_stmt_param_count", made.parameter_count);
  finder.find("mysql_stmt_bind_param", made.bind_parameters);
  finder.find("mysql_stmt_bind_result", made.bind_result);
  finder.find("mysql_stmt_fetch_column", made.fetch_column);
  finder.find("mysql_stmt_result_metadata", made.result_metadata);
  finder.find("mysql_stmt_errno", made.stmt_error_number);
  finder.find("mysql_stmt_error", made.stmt_error_text);
  finder.find("mysql_stmt_sqlstate", made.stmt_sql_state);
  return finder.found_all() ? std::optional(made) : std::nullopt;
}

}  // namespace

Result<const MysqlLibrary*> MysqlLibrary::get() {
  static const std::optional<MysqlLibrary> library = load();
  if (!library) {
    return fail(ErrorKind::Unavailable, "MySQL's client library is not installed on the host")
        .with_help("install libmariadb 3 (Debian package libmariadb3)");
  }
  return &*library;
}

}  // namespace whorl::host::mysql
