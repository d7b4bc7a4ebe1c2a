#include "session.hpp"
#include "torrent_file.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/extensions/smart_ban.hpp>
#include <libtorrent/extensions/ut_pex.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_status.hpp>

namespace slt {
namespace {

/// Runs `body` with the torrent's handle.
template <typename Body>
slt_code with_torrent(slt_session* session, slt_info_hash const& info_hash, slt_error* error, Body&& body) {
    return guarded(error, SLT_SESSION, [&]() -> slt_code {
        auto const found = session->torrents.find(hash_of(info_hash));
        if (found == session->torrents.end() || !found->second.is_valid())
            return fail(error, SLT_UNKNOWN_TORRENT, "the session does not have this torrent");
        return body(found->second);
    });
}

/// Whether a tracker has taken the last announce that it answered.
bool is_announced(lt::torrent_handle const& handle) {
    for (auto const& tracker : handle.trackers())
        for (auto const& endpoint : tracker.endpoints) {
            auto const& announces = endpoint.info_hashes[lt::protocol_version::V1];
            if (announces.start_sent && announces.fails == 0) return true;
        }
    return false;
}

/// The pieces had, as a bitfield.
std::string bits_of(lt::torrent_status const& status, int piece_count) {
    std::string bits(bytes_of_bits(piece_count), '\0');
    auto* const bytes = reinterpret_cast<uint8_t*>(bits.data());
    for (int piece = 0; piece < std::min(piece_count, status.pieces.size()); ++piece)
        if (status.pieces.get_bit(lt::piece_index_t(piece))) set_bit(bytes, piece);
    return bits;
}

void append(slt_session& session, lt::torrent_status const& status) {
    slt_status result{};
    int const piece_count = status.pieces.size();
    result.info_hash = hash_of(status.info_hashes.v1);
    auto const& bits = session.status_texts.emplace_back(bits_of(status, piece_count));
    result.have = reinterpret_cast<uint8_t const*>(bits.data());
    result.have_size = bits.size();
    result.piece_count = piece_count;
    result.download_rate = status.download_payload_rate;
    result.upload_rate = status.upload_payload_rate;
    result.payload_downloaded = status.total_payload_download;
    result.payload_uploaded = status.total_payload_upload;
    result.peers = status.num_peers;
    result.seeds = status.num_seeds;
    result.finished = status.is_finished;
    if (status.errc) result.error = session.status_texts.emplace_back(status.errc.message()).c_str();
    session.statuses.push_back(result);
}

std::vector<lt::download_priority_t> priorities(uint8_t const* wanted, uint8_t const* preferred, int piece_count) {
    std::vector<lt::download_priority_t> result(static_cast<size_t>(piece_count), lt::dont_download);
    for (int piece = 0; piece < piece_count; ++piece) {
        if (!bit(wanted, piece)) continue;
        bool const first = preferred != nullptr && bit(preferred, piece);
        result[static_cast<size_t>(piece)] = first ? lt::top_priority : lt::default_priority;
    }
    return result;
}

}
}

using namespace slt;

slt_code slt_session_add(
    slt_session* session, slt_torrent* torrent, slt_info_hash expected, char const* save_path, uint8_t* have,
    uint8_t const* wanted, uint8_t const* preferred, size_t size, bool peer_exchange, slt_error* error) {
    return guarded(error, SLT_SESSION, [&]() -> slt_code {
        std::shared_ptr<lt::torrent_info> const info = torrent->info;
        auto const info_hash = info->info_hashes().v1;
        int const piece_count = info->num_pieces();
        if (info_hash != hash_of(expected))
            return fail(error, SLT_INFO_HASH_MISMATCH, "the torrent has another info-hash");
        if (size != bytes_of_bits(piece_count))
            return fail(error, SLT_PIECE_COUNT_MISMATCH, "the torrent has " + std::to_string(piece_count) + " pieces");
        if (session->torrents.count(info_hash) != 0)
            return fail(error, SLT_ALREADY_ADDED, "the session has this torrent already");

        mark_padding(*torrent, have);
        PieceLengths const lengths(*info);
        auto params = parameters(*torrent, save_path);
        if (!peer_exchange) params.flags |= lt::torrent_flags::disable_pex;
        // Exactly as many bits as pieces: with fewer libtorrent begins to check files behind them.
        params.have_pieces.resize(piece_count);
        for (int piece = 0; piece < piece_count; ++piece)
            if (bit(have, piece)) params.have_pieces.set_bit(lt::piece_index_t(piece));
        params.piece_priorities = priorities(wanted, preferred, piece_count);
        int const missing = piece_count - params.have_pieces.count();
        params.extensions.push_back([ledger = session->ledger, info_hash, lengths, missing](lt::torrent_handle const&, lt::client_data_t) {
            return std::make_shared<TorrentObserver>(ledger, info_hash, lengths, missing);
        });
        params.extensions.push_back(&lt::create_smart_ban_plugin);
        if (peer_exchange) params.extensions.push_back(&lt::create_ut_pex_plugin);

        session->registry->put(info_hash, torrent->files);
        lt::torrent_handle handle;
        try {
            handle = session->session->add_torrent(std::move(params));
        } catch (...) {
            session->registry->remove(info_hash);
            throw;
        }
        if (auto const status = handle.status({}); status.errc) {
            session->session->remove_torrent(handle);
            session->registry->remove(info_hash);
            return fail(error, SLT_BAD_TORRENT, status.errc.message(), status.errc.value());
        }
        session->torrents.emplace(info_hash, handle);
        session->ledger->torrents = static_cast<int>(session->torrents.size());
        handle.resume();
        return SLT_OK;
    });
}

slt_code slt_session_quiesce(slt_session* session, slt_info_hash info_hash, slt_error* error) {
    return with_torrent(session, info_hash, error, [&](lt::torrent_handle const& handle) {
        handle.unset_flags(lt::torrent_flags::auto_managed);
        handle.pause();
        handle.flush_cache();
        return SLT_OK;
    });
}

void slt_session_remove(slt_session* session, slt_info_hash info_hash) {
    guarded(0, [&] {
        auto const found_hash = hash_of(info_hash);
        auto const found = session->torrents.find(found_hash);
        if (found == session->torrents.end()) return 0;
        auto const handle = found->second;
        session->torrents.erase(found);
        session->ledger->torrents = static_cast<int>(session->torrents.size());
        session->session->remove_torrent(handle);
        session->registry->remove(found_hash);
        return 0;
    });
}

slt_code slt_session_prioritize(
    slt_session* session, slt_info_hash info_hash, uint8_t const* wanted, uint8_t const* preferred, size_t size,
    slt_error* error) {
    return with_torrent(session, info_hash, error, [&](lt::torrent_handle const& handle) {
        int const piece_count = handle.torrent_file()->num_pieces();
        if (size != bytes_of_bits(piece_count))
            return fail(error, SLT_PIECE_COUNT_MISMATCH, "the torrent has " + std::to_string(piece_count) + " pieces");
        handle.prioritize_pieces(priorities(wanted, preferred, piece_count));
        return SLT_OK;
    });
}

slt_code slt_session_connect(
    slt_session* session, slt_info_hash info_hash, char const* host, uint16_t port, slt_error* error) {
    return with_torrent(session, info_hash, error, [&](lt::torrent_handle const& handle) {
        lt::tcp::endpoint peer;
        if (auto const refused = endpoint_of(host, port, peer, error); refused != SLT_OK) return refused;
        handle.connect_peer(peer);
        return SLT_OK;
    });
}

slt_code slt_session_add_piece(
    slt_session* session, slt_info_hash info_hash, int32_t piece, uint8_t const* data, size_t size, slt_error* error) {
    return with_torrent(session, info_hash, error, [&](lt::torrent_handle const& handle) {
        auto const info = handle.torrent_file();
        if (piece < 0 || piece >= info->num_pieces())
            return fail(error, SLT_PIECE_COUNT_MISMATCH, "the torrent has no piece " + std::to_string(piece));
        if (data == nullptr || size != static_cast<size_t>(info->piece_size(lt::piece_index_t(piece))))
            return fail(error, SLT_PIECE_COUNT_MISMATCH, "piece " + std::to_string(piece) + " has another length");
        auto const* begin = reinterpret_cast<char const*>(data);
        handle.add_piece(lt::piece_index_t(piece), std::vector<char>(begin, begin + size));
        return SLT_OK;
    });
}

slt_code slt_session_flush(slt_session* session, slt_info_hash info_hash, slt_error* error) {
    return with_torrent(session, info_hash, error, [&](lt::torrent_handle const& handle) {
        handle.flush_cache();
        return SLT_OK;
    });
}

slt_code slt_session_announce(slt_session* session, slt_info_hash info_hash, slt_error* error) {
    return with_torrent(session, info_hash, error, [&](lt::torrent_handle const& handle) {
        // A second ahead of now: libtorrent counts in whole seconds, and waits for the next one otherwise. No tracker has
        // said yet how often it wants to be asked.
        if (!is_announced(handle)) handle.force_reannounce(-1, -1, lt::torrent_handle::ignore_min_interval);
        return SLT_OK;
    });
}

slt_status const* slt_session_status(slt_session* session, slt_info_hash const* info_hash, size_t* count) {
    *count = 0;
    return guarded<slt_status const*>(nullptr, [&]() -> slt_status const* {
        session->statuses.clear();
        session->status_texts.clear();
        if (info_hash != nullptr) {
            auto const found = session->torrents.find(hash_of(*info_hash));
            if (found == session->torrents.end()) return nullptr;
            append(*session, found->second.status(lt::torrent_handle::query_pieces));
        } else {
            auto const all = session->session->get_torrent_status(
                [](lt::torrent_status const&) { return true; }, lt::torrent_handle::query_pieces);
            for (auto const& status : all) append(*session, status);
        }
        *count = session->statuses.size();
        return session->statuses.data();
    });
}

slt_peer const* slt_session_peers(slt_session* session, slt_info_hash info_hash, size_t* count) {
    *count = 0;
    return guarded<slt_peer const*>(nullptr, [&]() -> slt_peer const* {
        session->peers.clear();
        session->peer_texts.clear();
        auto const found = session->torrents.find(hash_of(info_hash));
        if (found == session->torrents.end()) return nullptr;
        std::vector<lt::peer_info> infos;
        found->second.get_peer_info(infos);
        auto const keep = [&](std::string text) { return session->peer_texts.emplace_back(std::move(text)).c_str(); };
        for (auto const& info : infos) {
            if (info.flags & (lt::peer_info::connecting | lt::peer_info::handshake)) continue;
            slt_peer peer{};
            peer.host = keep(info.ip.address().to_string());
            peer.port = info.ip.port();
            peer.client = keep(info.client);
            peer.is_master = is_master(info.pid);
            peer.is_seed = bool(info.flags & lt::peer_info::seed);
            peer.download_rate = info.payload_down_speed;
            peer.upload_rate = info.payload_up_speed;
            session->peers.push_back(peer);
        }
        *count = session->peers.size();
        return session->peers.data();
    });
}
