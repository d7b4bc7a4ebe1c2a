// A plain libtorrent client, to compare with: it makes, seeds and fetches one torrent, and does nothing else.
//
//     bare-client make TREE TORRENT
//     bare-client seed --stock|--ours TORRENT DIRECTORY ADDRESS:PORT
//     bare-client fetch --stock|--ours TORRENT DIRECTORY ADDRESS:PORT PEER-ADDRESS PEER-PORT
//
// --stock is a session as libtorrent comes, without discovery of peers; --ours has the settings of our own sessions.
#include "session.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <sys/stat.h>

#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace lt = libtorrent;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Without the limits on size that a stranger's torrent deserves.
std::shared_ptr<lt::torrent_info> load(std::string const& path) {
    lt::load_torrent_limits limits;
    limits.max_buffer_size = INT_MAX;
    limits.max_pieces = INT_MAX;
    limits.max_decode_tokens = INT_MAX;
    return std::make_shared<lt::torrent_info>(path, limits);
}

void make(std::string const& tree, std::string const& torrent) {
    lt::file_storage files;
    // No symbolic links: a seed of 2.0.8 makes them anew, and stands still where they are already.
    lt::add_files(files, tree, [](std::string const& path) {
        struct stat status;
        return ::lstat(path.c_str(), &status) == 0 && !S_ISLNK(status.st_mode);
    });
    lt::create_torrent made(files, 0, lt::create_torrent::v1_only);
    auto const slash = tree.rfind('/');
    lt::set_piece_hashes(made, tree.substr(0, slash));
    std::vector<char> bytes;
    lt::bencode(std::back_inserter(bytes), made.generate());
    std::ofstream(torrent, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

lt::session session(std::string const& settings, std::string const& address) {
    using pack = lt::settings_pack;
    auto chosen = settings == "--ours" ? slt::base_settings() : lt::settings_pack();
    if (settings == "--ours") {
        // Our sessions have disk threads of their own, which pread and pwrite.
        chosen.set_int(pack::mmap_file_size_cutoff, INT_MAX);
        chosen.set_int(pack::disk_write_mode, pack::always_pwrite);
    }
    for (auto const name : {pack::enable_dht, pack::enable_lsd, pack::enable_upnp, pack::enable_natpmp})
        chosen.set_bool(name, false);
    chosen.set_str(pack::listen_interfaces, address);
    chosen.set_str(pack::outgoing_interfaces, address.substr(0, address.rfind(':')));
    chosen.set_int(pack::alert_mask, lt::alert_category::error | lt::alert_category::status);
    return lt::session{lt::session_params(chosen)};
}

/// Calls `look` with each alert until it returns true.
template <typename Look>
void await(lt::session& session, Look&& look) {
    for (;;) {
        session.wait_for_alert(std::chrono::milliseconds(100));
        std::vector<lt::alert*> alerts;
        session.pop_alerts(&alerts);
        for (auto const* alert : alerts) {
            if (auto const* failed = lt::alert_cast<lt::torrent_error_alert>(alert))
                throw std::runtime_error(failed->message());
            if (auto const* failed = lt::alert_cast<lt::file_error_alert>(alert))
                throw std::runtime_error(failed->message());
            if (look(alert)) return;
        }
    }
}

void seed(char** arguments) {
    auto running = session(arguments[0], arguments[3]);
    lt::add_torrent_params params;
    params.ti = load(arguments[1]);
    params.save_path = arguments[2];
    params.flags = lt::torrent_flags::seed_mode;
    running.add_torrent(params);
    int port = 0;
    await(running, [&](lt::alert const* alert) {
        auto const* listening = lt::alert_cast<lt::listen_succeeded_alert>(alert);
        if (listening != nullptr && listening->socket_type == lt::socket_type_t::tcp) port = listening->port;
        return port != 0;
    });
    std::printf("%d\n", port);
    std::fflush(stdout);
    // Until a signal ends the process.
    await(running, [](lt::alert const*) { return false; });
}

void fetch(char** arguments) {
    auto const start = Clock::now();
    auto running = session(arguments[0], arguments[3]);
    lt::add_torrent_params params;
    params.ti = load(arguments[1]);
    params.save_path = arguments[2];
    params.flags = {};
    auto const handle = running.add_torrent(params);
    lt::tcp::endpoint const peer(
        lt::make_address(arguments[4]), static_cast<unsigned short>(std::atoi(arguments[5])));
    double checked = 0;
    await(running, [&](lt::alert const* alert) {
        if (lt::alert_cast<lt::torrent_checked_alert>(alert)) {
            checked = seconds_since(start);
            handle.connect_peer(peer);
        }
        return lt::alert_cast<lt::torrent_finished_alert>(alert) != nullptr;
    });
    auto const finished = seconds_since(start);
    auto const status = handle.status({});
    std::printf("{\"checked\":%f,\"finished\":%f,\"downloaded\":%lld}\n", checked, finished,
                static_cast<long long>(status.total_payload_download));
}

}

int main(int count, char** arguments) {
    std::string const command = count > 1 ? arguments[1] : "";
    try {
        if (command == "make" && count == 4) {
            make(arguments[2], arguments[3]);
        } else if (command == "seed" && count == 6) {
            seed(arguments + 2);
        } else if (command == "fetch" && count == 8) {
            fetch(arguments + 2);
        } else {
            std::fputs("usage: bare-client make|seed|fetch ...; see its source\n", stderr);
            return 64;
        }
    } catch (std::exception const& error) {
        std::fprintf(stderr, "bare-client: %s\n", error.what());
        return 1;
    }
    return 0;
}
