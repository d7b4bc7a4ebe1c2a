#include "CLibtorrentOracle.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lt = libtorrent;

struct oracle_torrent {
    std::shared_ptr<lt::torrent_info> info;
    std::map<lt::file_index_t, std::string> renamed;
    std::string path;

    lt::file_storage const& files() const { return info->files(); }
};

namespace {

lt::session quiet_session() {
    lt::settings_pack settings;
    for (auto const name : {lt::settings_pack::enable_dht, lt::settings_pack::enable_lsd, lt::settings_pack::enable_upnp,
                            lt::settings_pack::enable_natpmp})
        settings.set_bool(name, false);
    settings.set_str(lt::settings_pack::listen_interfaces, "");
    settings.set_int(lt::settings_pack::alert_mask, lt::alert_category::error | lt::alert_category::status);
    return lt::session{lt::session_params(settings)};
}

}

oracle_torrent* oracle_read(uint8_t const* bytes, size_t size) {
    try {
        lt::span<char const> const buffer(reinterpret_cast<char const*>(bytes), static_cast<std::ptrdiff_t>(size));
        return new oracle_torrent{std::make_shared<lt::torrent_info>(buffer, lt::from_span), {}, {}};
    } catch (std::exception const&) {
        return nullptr;
    }
}

void oracle_free(oracle_torrent* torrent) { delete torrent; }

void oracle_info_hash(oracle_torrent const* torrent, uint8_t* bytes) {
    std::memcpy(bytes, torrent->info->info_hashes().v1.data(), 20);
}

int64_t oracle_piece_length(oracle_torrent const* torrent) { return torrent->info->piece_length(); }
int32_t oracle_piece_count(oracle_torrent const* torrent) { return torrent->info->num_pieces(); }
int32_t oracle_file_count(oracle_torrent const* torrent) { return torrent->info->num_files(); }

char const* oracle_file_path(oracle_torrent* torrent, int32_t file) {
    torrent->path = torrent->files().file_path(lt::file_index_t(file));
    return torrent->path.c_str();
}

int64_t oracle_file_size(oracle_torrent const* torrent, int32_t file) {
    return torrent->files().file_size(lt::file_index_t(file));
}

int64_t oracle_file_offset(oracle_torrent const* torrent, int32_t file) {
    return torrent->files().file_offset(lt::file_index_t(file));
}

bool oracle_file_is_pad(oracle_torrent const* torrent, int32_t file) {
    return bool(torrent->files().file_flags(lt::file_index_t(file)) & lt::file_storage::flag_pad_file);
}

void oracle_rename(oracle_torrent* torrent, int32_t file, char const* path) {
    torrent->renamed[lt::file_index_t(file)] = path;
}

int32_t oracle_check(oracle_torrent* torrent, char const* directory) {
    try {
        auto session = quiet_session();
        lt::add_torrent_params params;
        params.ti = std::move(torrent->info);
        params.renamed_files = torrent->renamed;
        params.save_path = directory;
        // Nothing is fetched or written. Not paused: a paused torrent is not checked.
        params.flags = lt::torrent_flags::upload_mode;
        auto const handle = session.add_torrent(std::move(params));
        for (;;) {
            session.wait_for_alert(std::chrono::seconds(1));
            std::vector<lt::alert*> alerts;
            session.pop_alerts(&alerts);
            for (auto const* alert : alerts) {
                if (lt::alert_cast<lt::torrent_error_alert>(alert)) return -1;
                if (!lt::alert_cast<lt::torrent_checked_alert>(alert)) continue;
                return handle.status(lt::torrent_handle::query_pieces).pieces.count();
            }
        }
    } catch (std::exception const&) {
        return -1;
    }
}
