#pragma once
#include "error.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/socket.hpp>
#include <libtorrent/torrent_info.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

struct slt_torrent {
    /// Null once a session has taken it: a session's network thread then changes it.
    std::shared_ptr<libtorrent::torrent_info> info;
    std::map<int, std::string> renamed;
    /// Files that libtorrent renamed only because their paths collide when case is ignored, with their own paths.
    std::map<int, std::string> collided;
    /// Files whose path libtorrent changed for other reasons, with the path as the torrent has it.
    std::map<int, std::string> altered;
    /// Whether the caller vouches for the names: those that libtorrent changed are put back.
    bool keeps_names = false;
    std::vector<std::string> trackers;
    std::vector<libtorrent::tcp::endpoint> peers;
    std::string path;
};

namespace slt {

/// Gives every file the path that the torrent or the caller says; refuses what cannot be given one.
slt_code settle_names(slt_torrent& torrent, slt_error* error);
/// The parameters that every add shares. Takes torrent.info.
lt::add_torrent_params parameters(slt_torrent& torrent, char const* save_path);
/// A numeric address with a port.
slt_code endpoint_of(char const* host, uint16_t port, lt::tcp::endpoint& result, slt_error* error);
/// Sets the bits of the pieces that consist of pad files alone.
void mark_padding(lt::torrent_info const& info, uint8_t* have);

}
