#pragma once
#include "observer.hpp"
#include "tree_disk.hpp"

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <deque>
#include <map>

struct slt_session {
    std::shared_ptr<slt::Notifier> notifier;
    std::shared_ptr<slt::Ledger> ledger;
    std::shared_ptr<slt::FileRegistry> registry = std::make_shared<slt::FileRegistry>();
    std::map<libtorrent::sha1_hash, libtorrent::torrent_handle> torrents;

    // Peers on loopback and private addresses are bounded as all others are.
    bool limits_local_peers = false;
    // Its flags are values of slt_distance.
    libtorrent::ip_filter distances;
    bool has_classes = false;
    libtorrent::peer_class_t near_class{}, far_class{};

    // What the last poll, status and peers calls returned.
    std::vector<slt_event> events;
    std::deque<std::string> event_texts;
    std::vector<slt_status> statuses;
    std::deque<std::string> status_texts;
    std::vector<slt_peer> peers;
    std::deque<std::string> peer_texts;

    // Last, hence destroyed first: its threads use the ledger.
    std::unique_ptr<libtorrent::session> session;
};

namespace slt {

/// Tells libtorrent the class of each address, by the session's settings and distances.
void apply_classes(slt_session& session);

/// Settings of every session, whatever its owner chose.
lt::settings_pack base_settings();

}
