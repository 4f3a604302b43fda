// The form of the C client's calls: a request as a call, the client's answer as a reply.
#include <memory>
#include <zookeeper/zookeeper.h>

#include "cluster/coordinator/zookeeper_session.h"

namespace everpost::cluster {
namespace {

// What does not say for certain that nothing happened is kUnavailable.
Error error_of(int rc) {
  const auto code = [rc] {
    switch (rc) {
      case ZNONODE:
        return ErrorCode::kNotFound;
      case ZNODEEXISTS:
        return ErrorCode::kAlreadyExists;
      case ZBADVERSION:
        return ErrorCode::kConflict;
      case ZNOAUTH:
      case ZAUTHFAILED:
      case ZINVALIDACL:
        return ErrorCode::kPermissionDenied;
      case ZBADARGUMENTS:
        return ErrorCode::kInvalidArgument;
      default:
        return ErrorCode::kUnavailable;
    }
  };
  return {code(), std::string("ZooKeeper: ") + zerror(rc)};
}

zoo_op_t op_of(const ZnodeChange& change) {
  using Kind = ZnodeChange::Kind;
  zoo_op_t op;
  const char* const path = change.path.c_str();
  const int bytes = static_cast<int>(change.data.size());
  switch (change.kind) {
    case Kind::kCreate:
    case Kind::kCreateEphemeral:
      zoo_create_op_init(&op, path, change.data.data(), bytes, &ZOO_OPEN_ACL_UNSAFE,
                         change.kind == Kind::kCreate ? ZOO_PERSISTENT : ZOO_EPHEMERAL, nullptr, 0);
      break;
    case Kind::kSet:
      zoo_set_op_init(&op, path, change.data.data(), bytes, change.version, nullptr);
      break;
    case Kind::kRemove:
      zoo_delete_op_init(&op, path, change.version);
      break;
    case Kind::kCheck:
      zoo_check_op_init(&op, path, change.version);
      break;
  }
  return op;
}

}  // namespace

// What the C client hands back with an answer. It lives until then, also when the request has been
// answered before, by its deadline.
struct ZooKeeperSession::Ticket {
  ZooKeeperSession* session;
  RequestId id;
  std::uint64_t handle;  // the number of the one that it was sent with
  std::vector<ZnodeChange> changes;
  std::vector<zoo_op_result_t> results;

  void done(Result<Reply> reply) const { session->done(id, handle, std::move(reply)); }
};

struct ZooKeeperSession::ClientCallbacks {
  static std::unique_ptr<Ticket> own(const void* data) {
    return std::unique_ptr<Ticket>(static_cast<Ticket*>(const_cast<void*>(data)));
  }

  // The read behind it tells what became of it.
  static void synced(int, const char*, const void*) {}

  static void got(int rc, const char* value, int bytes, const Stat* stat, const void* data) {
    const auto ticket = own(data);
    if (rc != ZOK) return ticket->done(error_of(rc));
    Reply reply;
    if (value != nullptr && bytes > 0)
      reply.znode.data.assign(value, static_cast<std::size_t>(bytes));
    reply.znode.version = stat->version;
    reply.znode.created = stat->czxid;
    reply.znode.owner = stat->ephemeralOwner;
    ticket->done(std::move(reply));
  }

  static void listed(int rc, const String_vector* names, const void* data) {
    const auto ticket = own(data);
    if (rc != ZOK) return ticket->done(error_of(rc));
    Reply reply;
    for (int i = 0; names != nullptr && i < names->count; ++i)
      reply.names.emplace_back(names->data[i]);
    ticket->done(std::move(reply));
  }

  static void written(int rc, const void* data) {
    const auto ticket = own(data);
    if (rc == ZOK) return ticket->done(Reply{});
    // The parts before the one that did not hold have no error, those behind it another one.
    for (std::size_t i = 0; i < ticket->results.size(); ++i) {
      const int err = ticket->results[i].err;
      if (err != ZOK && err != ZRUNTIMEINCONSISTENCY)
        return ticket->done(in_context(ticket->changes[i].path, error_of(err)));
    }
    ticket->done(in_context(ticket->changes.front().path, error_of(rc)));
  }
};

void ZooKeeperSession::on_event(zhandle_t* handle, int type, int state, const char* path,
                                void* context) {
  auto& session = *static_cast<ZooKeeperSession*>(context);
  if (type == ZOO_SESSION_EVENT) return session.on_state(handle, state);
  if (path != nullptr && session.events_.changed) session.events_.changed(path);
}

bool ZooKeeperSession::send(RequestId id, const Request& request) {
  auto ticket = std::make_unique<Ticket>(this, id, handles_, request.changes);
  int rc = ZOK;
  switch (request.kind) {
    case Request::Kind::kGet:
      // The server does what a session asks in its order: what the leader has committed by the time
      // of the sync is there when it reads.
      rc = zoo_async(handle_, request.path.c_str(), ClientCallbacks::synced, nullptr);
      if (rc == ZOK)
        rc = zoo_aget(handle_, request.path.c_str(), 1, ClientCallbacks::got, ticket.get());
      break;
    case Request::Kind::kChildren:
      rc = zoo_async(handle_, request.path.c_str(), ClientCallbacks::synced, nullptr);
      if (rc == ZOK)
        rc = zoo_aget_children(handle_, request.path.c_str(), 1, ClientCallbacks::listed,
                               ticket.get());
      break;
    case Request::Kind::kWrite: {
      ticket->results.resize(ticket->changes.size());
      std::vector<zoo_op_t> ops;
      for (const ZnodeChange& change : ticket->changes) ops.push_back(op_of(change));
      rc = zoo_amulti(handle_, static_cast<int>(ops.size()), ops.data(), ticket->results.data(),
                      ClientCallbacks::written, ticket.get());
      break;
    }
  }
  if (rc != ZOK) return false;
  (void)ticket.release();  // ClientCallbacks own it now
  return true;
}

}  // namespace everpost::cluster
