#pragma once
#include "torrent_files.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <map>
#include <memory>
#include <mutex>

namespace slt {

namespace lt = libtorrent;

/// The files of a session's torrents, by info-hash. Thread-safe.
class FileRegistry {
public:
    void put(lt::sha1_hash const& info_hash, std::shared_ptr<TorrentFiles> files) {
        std::lock_guard<std::mutex> const lock(mutex_);
        files_[info_hash] = std::move(files);
    }
    void remove(lt::sha1_hash const& info_hash) {
        std::lock_guard<std::mutex> const lock(mutex_);
        files_.erase(info_hash);
    }
    std::shared_ptr<TorrentFiles> find(lt::sha1_hash const& info_hash) const {
        std::lock_guard<std::mutex> const lock(mutex_);
        auto const found = files_.find(info_hash);
        return found == files_.end() ? nullptr : found->second;
    }

private:
    mutable std::mutex mutex_;
    std::map<lt::sha1_hash, std::shared_ptr<TorrentFiles>> files_;
};

/// Reads and writes the content of torrents in trees of plain files, by pread and pwrite in threads of its own.
///
/// libtorrent's own disk threads need all files in libtorrent's own form (see torrent_file.cpp), and in 2.0.8 they may
/// report a write after the piece was cleared for which it was made: of bad data that was refused, a block then stays in
/// the piece. Here what is asked for one piece is done in that order, and releasing the files of a torrent is answered
/// after all that was asked for before it.
///
/// A file is opened for writing when the first block of it comes, and is then made with the directories that it is in. A
/// symbolic link in its place is not followed.
std::unique_ptr<lt::disk_interface> tree_disk(
    lt::io_context& context, lt::settings_interface const& settings, std::shared_ptr<FileRegistry const> registry);

}
