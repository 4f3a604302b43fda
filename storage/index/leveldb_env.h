// LevelDB's files, on our Env: so that the index goes through the same disk layer (and its faults)
// as everything else, and so that what LevelDB leaves open about durability is settled.
//
// LevelDB's own Env, with the index written without sync and a synced write now and then, can lose
// the middle of its history in a power cut and say nothing. Three rules close that:
//
//   1. A `.log` file is synced before it is closed. LevelDB closes the old one unsynced when a
//      memtable is full; a later synced write would make only the new one durable
//      (docs/hazards.md, D11 and H30).
//   2. The newest `.log` file is read up to its first damaged byte and not beyond. Its unsynced
//      sectors reach the disk in any order; LevelDB passes over a damaged block and goes on with
//      the next, or refuses the whole database. What is cut off is replayed from the shard's log.
//   3. Before a file is removed, `SYNCED` says on stable storage how far the MANIFEST was synced.
//      What is damaged beyond was never relied on and is cut off; damage before is Corruption.
//      (LevelDB takes a record that is cut short for one that was never finished, and would bring
//      an old list of tables back whose files and logs are gone.)
//
// Besides: what is created is in its folder on stable storage before the sync that relies on it
// returns (H32), and after the first failed write or sync every further one fails (H24).
#pragma once

#include <leveldb/env.h>
#include <memory>

#include "storage/env/env.h"

namespace everpost::storage {

// For one database: `env` must outlive it, and it the database. Thread-safe, as LevelDB asks.
// Background work, clock and sleep are LevelDB's default; what LevelDB tells its LOG file goes to
// our log at debug level.
std::unique_ptr<leveldb::Env> make_leveldb_env(Env& env);

}  // namespace everpost::storage
