#pragma once
#include "error.hpp"
#include "torrent_files.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/socket.hpp>
#include <libtorrent/torrent_info.hpp>

#include <memory>
#include <string>
#include <vector>

struct slt_torrent {
    /// The torrent as libtorrent is to see it: pieces and where they are padding, but no files. Null once a session has
    /// taken it: a session's network thread then changes it.
    std::shared_ptr<libtorrent::torrent_info> info;
    std::shared_ptr<slt::TorrentFiles> files;
    std::vector<std::string> trackers;
    std::vector<libtorrent::tcp::endpoint> peers;
};

namespace slt {

/// The parameters of an add. Takes torrent.info.
lt::add_torrent_params parameters(slt_torrent& torrent, char const* save_path);
/// A numeric address with a port.
slt_code endpoint_of(char const* host, uint16_t port, lt::tcp::endpoint& result, slt_error* error);
/// Sets the bits of the pieces that are padding throughout.
void mark_padding(slt_torrent const& torrent, uint8_t* have);

}
