#include "node/directory/directory.h"

#include "node/directory/lookup_cache.h"
#include "node/directory/resolve.h"

namespace everpost::node {
namespace {

constexpr std::size_t kCacheWeightMax = 50'000;  // some 20 MB

std::size_t weight(const Resolution& resolution) {
  return 1 + resolution.local.size() + resolution.elsewhere.size();
}

}  // namespace

struct Directory::Impl {
  explicit Impl(cluster::DirectoryStore& s) : store(s) {}
  cluster::DirectoryStore& store;
  LookupCache<std::shared_ptr<const Resolution>> resolutions{kCacheWeightMax};
  LookupCache<std::shared_ptr<const storage::AccountRecord>> logins{kCacheWeightMax};  // null: no
};

Directory::Directory(cluster::DirectoryStore& store) : impl_(std::make_unique<Impl>(store)) {}
Directory::~Directory() = default;

cluster::DirectoryStore& Directory::store() { return impl_->store; }

Task<Resolution> Directory::resolve(Address recipient) {
  const std::string key = recipient.text();
  const std::uint64_t version = impl_->store.version();
  if (const auto known = impl_->resolutions.get(key, version)) co_return **known;

  std::function<Result<Resolution>(const storage::DirectoryReader&)> query =
      [&recipient](const storage::DirectoryReader& reader) {
        return resolve_on(reader, recipient);
      };
  CO_ASSIGN_OR_RETURN(Resolution resolution,
                      co_await impl_->store.read<Resolution>(std::move(query)));
  impl_->resolutions.put(key, version, std::make_shared<const Resolution>(resolution),
                         weight(resolution));
  co_return resolution;
}

Task<std::shared_ptr<const storage::AccountRecord>> Directory::find_login(std::string login) {
  using Record = std::shared_ptr<const storage::AccountRecord>;
  const Error unknown{ErrorCode::kNotFound, "no account has this login"};
  const auto address = parse_address(login);
  if (!address) co_return unknown;
  const std::string key = address->text();
  const std::uint64_t version = impl_->store.version();
  if (const auto known = impl_->logins.get(key, version)) {
    if (!*known) co_return unknown;
    co_return *known;
  }

  std::function<Result<Record>(const storage::DirectoryReader&)> query =
      [&key](const storage::DirectoryReader& reader) -> Result<Record> {
    auto account = reader.account(key);
    if (account) return std::make_shared<const storage::AccountRecord>(*std::move(account));
    if (account.error().code == ErrorCode::kNotFound) return Record{};
    return std::move(account).error();
  };
  CO_ASSIGN_OR_RETURN(Record record, co_await impl_->store.read<Record>(std::move(query)));
  impl_->logins.put(key, version, record);
  if (!record) co_return unknown;
  co_return record;
}

}  // namespace everpost::node
