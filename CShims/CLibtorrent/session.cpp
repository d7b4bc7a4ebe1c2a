#include "session.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/fingerprint.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>

namespace slt {

lt::settings_pack base_settings() {
    using pack = lt::settings_pack;
    auto settings = lt::high_performance_seed();

    // Only what the caller names: no discovery, no uTP (4 MB/s on loopback), no port mapping.
    for (auto const name : {pack::enable_dht, pack::enable_lsd, pack::enable_upnp, pack::enable_natpmp,
                            pack::enable_outgoing_utp, pack::enable_incoming_utp, pack::listen_system_port_fallback})
        settings.set_bool(name, false);
    settings.set_int(pack::max_retry_port_bind, 0);

    // The storage category stays out: without it a cache_flushed_alert answers our flush_cache() and nothing else.
    settings.set_int(pack::alert_mask, lt::alert_category::error | lt::alert_category::status | lt::alert_category::peer);
    settings.set_int(pack::alert_queue_size, 100'000);

    // Of TreeDisk.
    settings.set_int(pack::file_pool_size, 2'000);
    settings.set_int(pack::max_queued_disk_bytes, 16 * 1024 * 1024);

    // A gated peer is idle for a while and must stay (seeds of a whole torrent, the observer lets go); a lost one must come
    // back soon.
    settings.set_bool(pack::close_redundant_connections, false);
    settings.set_bool(pack::allow_multiple_connections_per_ip, true);
    settings.set_int(pack::request_timeout, 30);
    // What is asked of one peer is not asked of another: with less asked ahead, fewer pieces leave a master twice.
    settings.set_int(pack::request_queue_time, 1);
    settings.set_int(pack::peer_timeout, 120);
    settings.set_int(pack::inactivity_timeout, 600);
    settings.set_int(pack::peer_connect_timeout, 7);
    settings.set_int(pack::min_reconnect_time, 2);
    settings.set_int(pack::max_failcount, 31);
    settings.set_int(pack::connection_speed, 100);
    settings.set_int(pack::torrent_connect_boost, 100);
    settings.set_int(pack::peer_turnover, 0);
    // A master is not told of each piece that each node has got.
    settings.set_bool(pack::send_redundant_have, false);

    // Limits are of what peers get and give, as with rsync's --bwlimit; libtorrent would take 3 % of them for headers of
    // TCP/IP, by a guess.
    settings.set_bool(pack::rate_limit_ip_overhead, false);

    // By default the first four pieces are any: many are asked for before these are here, and a preferred one may be late.
    settings.set_int(pack::initial_picker_threshold, 0);
    // A seed that suggests what it has cached makes all nodes fetch the same pieces.
    settings.set_int(pack::suggest_mode, pack::no_piece_suggestions);
    // RC4 costs 2.4 times the CPU; foreign clients that insist get it.
    settings.set_int(pack::out_enc_policy, pack::pe_disabled);
    settings.set_int(pack::in_enc_policy, pack::pe_enabled);
    settings.set_bool(pack::prefer_rc4, false);

    settings.set_bool(pack::announce_to_all_trackers, true);
    settings.set_bool(pack::announce_to_all_tiers, true);
    settings.set_int(pack::min_announce_interval, 30);
    // What the engine's AnnounceRetries counts with.
    settings.set_int(pack::tracker_backoff, 100);
    settings.set_int(pack::stop_tracker_timeout, 1);
    // Lists of peers are about peers: a tracker elsewhere is asked all the same.
    settings.set_bool(pack::apply_ip_filter_to_trackers, false);
    return settings;
}

namespace {

lt::settings_pack settings_of(slt_settings const& from) {
    using pack = lt::settings_pack;
    auto settings = base_settings();
    settings.set_str(pack::peer_fingerprint, lt::generate_fingerprint(from.fingerprint, 1));
    settings.set_str(pack::user_agent, from.user_agent);
    settings.set_str(pack::listen_interfaces, from.listen_interfaces);
    settings.set_str(pack::outgoing_interfaces, from.outgoing_interfaces);
    settings.set_int(pack::upload_rate_limit, from.upload_limit);
    settings.set_int(pack::download_rate_limit, from.download_limit);
    settings.set_int(pack::connections_limit, from.connections_limit);
    settings.set_int(pack::unchoke_slots_limit, from.unchoke_slots);
    return settings;
}

/// Turns alerts into the events of the next poll.
class Translator {
public:
    explicit Translator(slt_session& session) : session_(session) {}

    void piece(Ledger::Piece const& piece) {
        auto& event = add(SLT_EVENT_PIECE);
        event.info_hash = hash_of(piece.info_hash);
        event.piece = piece.index;
    }

    void alert(lt::alert const* alert) {
        if (auto const* a = lt::alert_cast<lt::hash_failed_alert>(alert)) {
            add(SLT_EVENT_PIECE_REFUSED, a).piece = static_cast<int>(a->piece_index);
        } else if (auto const* a = lt::alert_cast<lt::cache_flushed_alert>(alert)) {
            add(SLT_EVENT_FLUSHED, a);
        } else if (auto const* a = lt::alert_cast<lt::file_error_alert>(alert)) {
            auto const files = session_.registry->find(a->handle.info_hashes().v1);
            // Numbers of other categories are not errno's: the end of a file is one of them.
            bool const is_errno = a->error.category() == lt::system_category() || a->error.category() == lt::generic_category();
            fill(add(SLT_EVENT_FILE_ERROR, a), files ? files->failed() : "", a->error.message(), is_errno ? a->error.value() : 0);
        } else if (auto const* a = lt::alert_cast<lt::tracker_error_alert>(alert)) {
            char const* reason = a->failure_reason();
            bool const has_reason = reason != nullptr && *reason != '\0';
            std::string message = has_reason ? reason : a->error.message();
            // libtorrent 2.0.8 takes the datagram from its beginning, two numbers too early, for the reason's text.
            if (!has_reason && a->error == lt::errors::tracker_failure)
                message = "refused; libtorrent does not pass on why over UDP, an http:// announce URL tells it. An unknown "
                          "torrent, or a private set and no valid token?";
            auto& event = add(SLT_EVENT_TRACKER_ERROR, a);
            fill(event, a->tracker_url(), message, a->error.value());
            event.failures = a->times_in_row;
        } else if (auto const* a = lt::alert_cast<lt::peer_ban_alert>(alert)) {
            locate(add(SLT_EVENT_PEER_BANNED, a), a->endpoint.address(), a->endpoint.port());
        } else if (auto const* a = lt::alert_cast<lt::listen_succeeded_alert>(alert)) {
            if (a->socket_type == lt::socket_type_t::tcp) locate(add(SLT_EVENT_LISTENING), a->address, a->port);
        } else if (auto const* a = lt::alert_cast<lt::listen_failed_alert>(alert)) {
            if (a->socket_type != lt::socket_type_t::tcp) return;
            auto& event = add(SLT_EVENT_LISTEN_FAILED);
            locate(event, a->address, a->port);
            fill(event, "", a->error.message(), a->error.value());
        } else if (lt::alert_cast<lt::alerts_dropped_alert>(alert)) {
            add(SLT_EVENT_DROPPED);
        }
    }

private:
    slt_event& add(slt_event_kind kind) {
        session_.events.push_back(slt_event{});
        session_.events.back().kind = kind;
        return session_.events.back();
    }

    slt_event& add(slt_event_kind kind, lt::torrent_alert const* alert) {
        auto& event = add(kind);
        event.info_hash = hash_of(alert->handle.info_hashes().v1);
        return event;
    }

    char const* keep(std::string text) { return session_.event_texts.emplace_back(std::move(text)).c_str(); }

    void fill(slt_event& event, std::string path, std::string message, int code) {
        event.path = keep(std::move(path));
        event.message = keep(std::move(message));
        event.native_code = code;
    }

    void locate(slt_event& event, lt::address const& address, int port) {
        event.host = keep(address.to_string());
        event.port = static_cast<uint16_t>(port);
    }

    slt_session& session_;
};

}
}

using namespace slt;

slt_session* slt_session_create(
    slt_settings const* settings, slt_notify notify, void* context, slt_release release, slt_error* error) {
    std::unique_ptr<slt_session> result;
    // Outside of the guard: when making this fails there is no memory left at all.
    auto notifier = std::make_shared<Notifier>(notify, context, release);
    guarded(error, SLT_SESSION, [&] {
        auto made = std::make_unique<slt_session>();
        made->notifier = notifier;
        made->ledger = std::make_shared<Ledger>(notifier);
        lt::session_params params(settings_of(*settings));
        params.disk_io_constructor = [registry = made->registry](
                                         lt::io_context& context, lt::settings_interface const& settings, lt::counters&) {
            return tree_disk(context, settings, registry);
        };
        // Not libtorrent's usual ones, ut_metadata among them: what it knows of a torrent is not the torrent's own text.
        params.extensions.clear();
        made->session = std::make_unique<lt::session>(std::move(params));
        made->limits_local_peers = settings->limit_local_peers;
        if (made->limits_local_peers) apply_classes(*made);
        made->session->set_alert_notify([notifier] { notifier->signal(); });
        result = std::move(made);
        return SLT_OK;
    });
    return result.release();
}

void slt_session_destroy(slt_session* session) {
    guarded(0, [&] {
        session->session->set_alert_notify([] {});
        session->notifier->clear();
        return 0;
    });
    delete session;
}

void slt_session_wait_listen(slt_session* session) {
    // Any question to the network thread is answered after its start, which opens the sockets.
    guarded(false, [&] { return session->session->is_listening(); });
}

slt_event const* slt_session_poll(slt_session* session, size_t* count) {
    *count = 0;
    return guarded<slt_event const*>(nullptr, [&]() -> slt_event const* {
        session->events.clear();
        session->event_texts.clear();
        std::vector<lt::alert*> alerts;
        session->session->pop_alerts(&alerts);
        // Taken after the alerts: whatever an alert refers to is then among the pieces.
        auto const pieces = session->ledger->take_pieces();
        Translator translator(*session);
        for (auto const& piece : pieces) translator.piece(piece);
        for (auto const* alert : alerts) translator.alert(alert);
        *count = session->events.size();
        return session->events.data();
    });
}

void slt_session_set_limits(slt_session* session, int32_t upload, int32_t download, bool limit_local_peers) {
    guarded(0, [&] {
        lt::settings_pack settings;
        settings.set_int(lt::settings_pack::upload_rate_limit, upload);
        settings.set_int(lt::settings_pack::download_rate_limit, download);
        session->session->apply_settings(settings);
        if (limit_local_peers != session->limits_local_peers) {
            session->limits_local_peers = limit_local_peers;
            apply_classes(*session);
        }
        return 0;
    });
}

void slt_session_set_unchoke_slots(slt_session* session, int32_t slots) {
    guarded(0, [&] {
        lt::settings_pack settings;
        settings.set_int(lt::settings_pack::unchoke_slots_limit, slots);
        session->session->apply_settings(settings);
        return 0;
    });
}

slt_traffic slt_session_traffic(slt_session const* session, slt_info_hash const* info_hash) {
    return guarded(slt_traffic{}, [&] {
        if (info_hash == nullptr) return session->ledger->traffic(nullptr);
        auto const hash = hash_of(*info_hash);
        return session->ledger->traffic(&hash);
    });
}
