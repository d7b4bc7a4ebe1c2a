// libmaxminddb: databases of places by address, in MaxMind's format 2.0. Threads may look up in one database at once.
#pragma once
#include <maxminddb.h>
#include <stddef.h>

// The value of an entry that is reached by one key, or by two; the union's members as functions, so that no type but the
// one that is there is read. A null second key stands for none. 0 when it is there.
static inline int swarm_mmdb_value(MMDB_entry_s entry, const char *first, const char *second, MMDB_entry_data_s *value) {
    const char *const path[] = {first, second, NULL};
    int code = MMDB_aget_value(&entry, value, path);
    if (code == MMDB_SUCCESS && !value->has_data) code = MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR;
    return code;
}
