#pragma once
// How a stock libtorrent reads a .torrent, and what it finds of it on a disk.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

typedef struct oracle_torrent oracle_torrent;

// Null when libtorrent refuses it.
oracle_torrent *_Nullable oracle_read(const uint8_t *bytes, size_t size);
void oracle_free(oracle_torrent *torrent);
void oracle_info_hash(const oracle_torrent *torrent, uint8_t *bytes); // 20 bytes
int64_t oracle_piece_length(const oracle_torrent *torrent);
int32_t oracle_piece_count(const oracle_torrent *torrent);
int32_t oracle_file_count(const oracle_torrent *torrent);
// The torrent's name first; valid until the next call with this torrent.
const char *oracle_file_path(oracle_torrent *torrent, int32_t file);
int64_t oracle_file_size(const oracle_torrent *torrent, int32_t file);
int64_t oracle_file_offset(const oracle_torrent *torrent, int32_t file);
bool oracle_file_is_pad(const oracle_torrent *torrent, int32_t file);
// Gives a file that libtorrent renames its own path back, the torrent's name first.
void oracle_rename(oracle_torrent *torrent, int32_t file, const char *path);
// Hashes the files below a directory. Returns how many pieces are intact, negative when libtorrent fails. Uses the torrent up.
int32_t oracle_check(oracle_torrent *torrent, const char *directory);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
