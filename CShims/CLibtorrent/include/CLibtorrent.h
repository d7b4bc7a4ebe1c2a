#pragma once
// What TorrentEngine needs of libtorrent-rasterbar 2.0, as plain C.
//
// Prefix: slt_.
// Failure: a function that can fail returns an slt_code and fills *error; no C++ exception leaves this library.
// Ownership: who calls …_create, …_parse or …_make calls …_destroy or …_free. A pointer found inside a returned structure
//   belongs to its handle and is valid until the next call that says so, or until the handle is destroyed.
// Threads: an slt_torrent and an slt_session are each used by one thread at a time; slt_session_traffic may be
//   called from any thread. Functions marked "blocks" wait for libtorrent's network thread.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

typedef enum slt_code {
    SLT_OK = 0,
    SLT_BAD_TORRENT,         // not a torrent, beyond the limits, or rejected by libtorrent
    SLT_UNSUPPORTED_TORRENT, // v2 or hybrid, BEP 38 keys, ssl-cert
    SLT_HOSTILE_NAMES,       // a path that leads elsewhere
    SLT_INFO_HASH_MISMATCH,
    SLT_PIECE_COUNT_MISMATCH,
    SLT_ALREADY_ADDED,
    SLT_UNKNOWN_TORRENT,
    SLT_BAD_ADDRESS,
    SLT_SESSION,
} slt_code;

typedef struct slt_error {
    int32_t native_code;
    char message[512]; // UTF-8, ends in NUL
} slt_error;

typedef struct slt_info_hash {
    uint8_t bytes[20];
} slt_info_hash;

// sizeof(lt::hasher) as this library was compiled: 96 when the defines of libtorrent-rasterbar.pc are set.
size_t slt_sizeof_hasher(void);

// MARK: a .torrent

typedef struct slt_torrent slt_torrent;

// Parses a .torrent; what is needed of the bytes is copied. Null on failure, with the code in *code. That no two files have
// one path is for the caller to check.
slt_torrent *_Nullable slt_torrent_parse(const uint8_t *_Nullable bytes, size_t size, slt_code *code, slt_error *error);

// What the caller has read of a .torrent, and answers for: that it has this info-hash, that no two files have one path, and
// that none leads elsewhere. Its entries stand one after the other.
typedef struct slt_outline {
    slt_info_hash info_hash;
    const char *name;
    int64_t piece_length;
    bool is_private;
    const uint8_t *_Nullable pieces; // SHA-1 of each
    size_t pieces_size;
    size_t entry_count;
    const int64_t *_Nullable lengths;
    const bool *_Nullable is_file; // others are padding, or links, which have no length
    const uint8_t *_Nullable paths;
    const uint32_t *_Nullable path_starts; // one more than there are entries
} slt_outline;

// The same without the bytes: to read them again takes several times as long. What is needed is copied.
slt_torrent *_Nullable slt_torrent_make(const slt_outline *outline, slt_code *code, slt_error *error);
void slt_torrent_free(slt_torrent *torrent);
int32_t slt_torrent_piece_count(const slt_torrent *torrent);
// What slt_session_add shall use; strings are copied. A file is named by its place in the torrent's list.
void slt_torrent_rename(slt_torrent *torrent, int32_t file, const char *path);
void slt_torrent_add_tracker(slt_torrent *torrent, const char *url);
// A peer that slt_session_add dials at once; numeric.
slt_code slt_torrent_add_peer(slt_torrent *torrent, const char *host, uint16_t port, slt_error *error);

// MARK: the session

typedef struct slt_session slt_session;

typedef struct slt_settings {
    const char *fingerprint;         // two letters, for the peer-id
    const char *user_agent;
    const char *listen_interfaces;   // libtorrent's syntax: 127.0.0.1:6881,[::1]:6881
    const char *outgoing_interfaces; // addresses; empty: the system chooses
    int32_t upload_limit;            // bytes/s, 0 for none
    int32_t download_limit;          // bytes/s, 0 for none
    int32_t connections_limit;
    int32_t unchoke_slots;           // -1 for all peers
    bool limit_local_peers;          // limits and slots hold for loopback and private addresses too
} slt_settings;

// Called on any thread, with libtorrent's locks held: it may only signal.
typedef void (*slt_notify)(void *context);
// Called once, by slt_session_destroy or by a failed slt_session_create.
typedef void (*slt_release)(void *context);

slt_session *_Nullable slt_session_create(
    const slt_settings *settings, slt_notify notify, void *context, slt_release release, slt_error *error);
// Blocks until trackers were told and files are closed, a second or two. No notification is under way afterwards.
void slt_session_destroy(slt_session *session);
// Blocks until the session has tried to listen; the outcome is then waiting in slt_session_poll.
void slt_session_wait_listen(slt_session *session);

typedef enum slt_event_kind {
    SLT_EVENT_LISTENING,      // host, port
    SLT_EVENT_LISTEN_FAILED,  // host, port, message, native_code
    SLT_EVENT_PIECE,          // info_hash, piece: passed its hash check
    SLT_EVENT_PIECE_REFUSED,  // info_hash, piece: failed it
    SLT_EVENT_PEER_BANNED,    // info_hash, host, port
    SLT_EVENT_FILE_ERROR,     // info_hash, path, message, native_code
    SLT_EVENT_TRACKER_ERROR,  // info_hash, path (the URL), message, native_code, failures
    SLT_EVENT_FLUSHED,        // info_hash: one slt_session_flush or slt_session_quiesce is done
    SLT_EVENT_DROPPED,        // alerts were lost
} slt_event_kind;

typedef struct slt_event {
    slt_event_kind kind;
    slt_info_hash info_hash;
    int32_t piece;
    int32_t native_code;
    int32_t failures; // how many announces failed one after the other, this one included
    uint16_t port;
    const char *_Nullable host; // numeric
    const char *_Nullable path;
    const char *_Nullable message;
} slt_event;

// All that happened since the last call, pieces first. The array is valid until the next call.
const slt_event *_Nullable slt_session_poll(slt_session *session, size_t *count);

// Adds the torrent, neither paused nor managed, without looking at files. Uses the torrent up: only slt_torrent_free
// may follow. have, wanted and preferred are bitfields of `size` bytes; pieces that are padding throughout are added to
// have. Of the wanted pieces the preferred ones are asked for first; null for none.
slt_code slt_session_add(
    slt_session *session, slt_torrent *torrent, slt_info_hash expected, const char *save_path, uint8_t *have,
    const uint8_t *wanted, const uint8_t *_Nullable preferred, size_t size, bool peer_exchange, slt_error *error);
// Disconnects the peers and closes the files; SLT_EVENT_FLUSHED follows, then slt_session_remove is due.
slt_code slt_session_quiesce(slt_session *session, slt_info_hash info_hash, slt_error *error);
void slt_session_remove(slt_session *session, slt_info_hash info_hash);
slt_code slt_session_prioritize(
    slt_session *session, slt_info_hash info_hash, const uint8_t *wanted, const uint8_t *_Nullable preferred, size_t size,
    slt_error *error);
slt_code slt_session_connect(
    slt_session *session, slt_info_hash info_hash, const char *host, uint16_t port, slt_error *error);
// Hands in one piece's content, which is copied; its hash is checked.
slt_code slt_session_add_piece(
    slt_session *session, slt_info_hash info_hash, int32_t piece, const uint8_t *_Nullable data, size_t size,
    slt_error *error);
// Asks for SLT_EVENT_FLUSHED once everything received so far is written.
slt_code slt_session_flush(slt_session *session, slt_info_hash info_hash, slt_error *error);
// Announces again at once, unless a tracker has taken the last announce that it answered. Blocks.
slt_code slt_session_announce(slt_session *session, slt_info_hash info_hash, slt_error *error);
void slt_session_set_limits(slt_session *session, int32_t upload, int32_t download, bool limit_local_peers);
// How many peers are served at a time over all torrents, -1 for all of them.
void slt_session_set_unchoke_slots(slt_session *session, int32_t slots);

// A block of addresses of one family, in network order; IPv4 uses the first four bytes.
typedef struct slt_address_range {
    uint8_t first[16];
    uint8_t last[16];
    bool is_v4;
} slt_address_range;

typedef enum slt_distance {
    SLT_NEITHER = 0,
    SLT_NEAR,
    SLT_FAR,
} slt_distance;

// Where ranges overlap, the later one of an array holds.
typedef struct slt_distance_rule {
    slt_address_range range;
    slt_distance distance;
} slt_distance_rule;

typedef struct slt_access_rule {
    slt_address_range range;
    bool is_blocked;
} slt_access_rule;

typedef struct slt_peer_rules {
    const slt_distance_rule *_Nullable distances;
    size_t distance_count;
    const slt_access_rule *_Nullable accesses;
    size_t access_count;
    int32_t near_upload_priority; // 1 to 255; others have 1
    int32_t far_upload_limit;     // bytes/s of all far peers together, 0 for none
    int32_t far_download_limit;   // bytes/s of all far peers together, 0 for none
} slt_peer_rules;

// Replaces the rules. Peers that are blocked now are disconnected; the rest holds for connections that begin later.
slt_code slt_session_set_peer_rules(slt_session *session, const slt_peer_rules *rules, slt_error *error);

typedef struct slt_status {
    slt_info_hash info_hash;
    const uint8_t *_Nullable have; // bitfield
    size_t have_size;              // bytes
    int32_t piece_count;
    int32_t download_rate; // payload, bytes/s
    int32_t upload_rate;
    int64_t payload_downloaded; // bytes since the torrent was added
    int64_t payload_uploaded;
    int32_t peers;
    int32_t seeds;
    bool finished;
    const char *_Nullable error; // null when there is none
} slt_status;

// Blocks. The status of one torrent, or with a null info_hash of all; valid until the next call of this function.
const slt_status *_Nullable slt_session_status(
    slt_session *session, const slt_info_hash *_Nullable info_hash, size_t *count);

typedef struct slt_peer {
    const char *host;
    const char *client;
    uint16_t port;
    bool is_master;
    bool is_seed;
    int32_t download_rate; // payload, bytes/s
    int32_t upload_rate;
} slt_peer;

// Blocks. The peers whose handshake is done; valid until the next call of this function.
const slt_peer *_Nullable slt_session_peers(slt_session *session, slt_info_hash info_hash, size_t *count);

typedef struct slt_traffic {
    int64_t from_master; // payload bytes received from peers whose peer-id begins with -SP
    int64_t from_peers;  // payload bytes received from all others
    int64_t refused;     // bytes of pieces that failed their hash check
    int64_t uploaded;    // payload bytes sent
    int64_t from_near;   // payload bytes received from near peers, the master included
    int64_t from_far;
    int64_t to_near;     // payload bytes sent to near peers
    int64_t to_far;
    int64_t from_near_peers; // of from_peers, bytes received from near ones
    int64_t from_far_peers;
} slt_traffic;

// Any thread. Counted since the session began, also over removals; with a null info_hash the sum of all torrents.
slt_traffic slt_session_traffic(const slt_session *session, const slt_info_hash *_Nullable info_hash);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
