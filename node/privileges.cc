#include "node/privileges.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

namespace everpost::node {
namespace {

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

Error denied(const char* call) {
  return {ErrorCode::kPermissionDenied, std::string(call) + ": " + std::strerror(errno)};
}

std::string my_name() {
  const passwd* me = ::getpwuid(::geteuid());
  return me ? me->pw_name : std::to_string(::geteuid());
}

}  // namespace

Result<std::optional<Identity>> identity_to_take(const Config& config) {
  if (config.user.empty() || ::geteuid() != 0) return std::nullopt;
  const passwd* user = ::getpwnam(config.user.c_str());
  if (!user) return invalid("node.user: there is no user \"" + config.user + "\" on this machine");
  Identity identity{config.user, user->pw_uid, user->pw_gid};
  if (!config.group.empty()) {
    const group* found = ::getgrnam(config.group.c_str());
    if (!found)
      return invalid("node.group: there is no group \"" + config.group + "\" on this machine");
    identity.gid = found->gr_gid;
  }
  return identity;
}

void warn_of_staying(const Config& config) {
  if (config.user.empty()) {
    if (::geteuid() == 0)
      log::warning("runs as root and stays root", {{"remedy", "set node.user in " + config.file}});
    return;
  }
  if (my_name() != config.user)
    log::warning("was not started by root: node.user has no effect",
                 {{"user", config.user}, {"runs_as", my_name()}});
}

Result<void> make_data_folder(const Config& config, const std::optional<Identity>& identity) {
  const std::filesystem::path folder(config.data_folder);
  std::error_code failure;
  if (std::filesystem::is_directory(folder, failure)) return {};
  const mode_t before = ::umask(022);  // the folders above are no secret
  std::filesystem::create_directories(folder.parent_path(), failure);
  ::umask(before);
  if (::mkdir(folder.c_str(), 0700) != 0)
    return invalid("node.data_folder: cannot make " + config.data_folder + ": " +
                   std::strerror(errno));
  if (identity && ::chown(folder.c_str(), identity->uid, identity->gid) != 0)
    return denied("chown of the data folder");
  return {};
}

Result<void> make_log_file(const Config& config, const std::optional<Identity>& identity) {
  if (config.log_file.empty()) return {};
  const int file = ::open(config.log_file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (file < 0) {
    if (errno == EEXIST) return {};
    return invalid("log.file: cannot make " + config.log_file + ": " + std::strerror(errno));
  }
  const bool owned = !identity || ::fchown(file, identity->uid, identity->gid) == 0;
  ::close(file);
  if (!owned) return denied("chown of the log file");
  return {};
}

Result<void> drop_privileges(const Identity& identity) {
  if (::initgroups(identity.user.c_str(), identity.gid) != 0) return denied("initgroups");
  if (::setgid(identity.gid) != 0) return denied("setgid");
  if (::setuid(identity.uid) != 0) return denied("setuid");
  if (identity.uid != 0 && (::setuid(0) == 0 || ::seteuid(0) == 0))
    return Error{ErrorCode::kPermissionDenied, "root could be taken back after setuid"};
  return {};
}

Result<void> check_data_folder(const Config& config) {
  if (::access(config.data_folder.c_str(), R_OK | W_OK | X_OK) == 0) return {};
  const std::string why = std::strerror(errno);
  return invalid("node.data_folder: " + config.data_folder + ": " + why + "; give it to " +
                 my_name() + ": chown -R " + my_name() + " " + config.data_folder);
}

}  // namespace everpost::node
