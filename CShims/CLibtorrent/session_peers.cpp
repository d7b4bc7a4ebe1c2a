#include "session.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/peer_class.hpp>

namespace slt {
namespace {

/// The first and the last address of a range.
std::pair<lt::address, lt::address> ends_of(slt_address_range const& range) {
    if (range.is_v4) {
        lt::address_v4::bytes_type first, last;
        std::memcpy(first.data(), range.first, first.size());
        std::memcpy(last.data(), range.last, last.size());
        return {lt::address_v4(first), lt::address_v4(last)};
    }
    lt::address_v6::bytes_type first, last;
    std::memcpy(first.data(), range.first, first.size());
    std::memcpy(last.data(), range.last, last.size());
    return {lt::address_v6(first), lt::address_v6(last)};
}

void add(lt::ip_filter& filter, char const* first, char const* last, uint32_t flags) {
    filter.add_rule(lt::make_address(first), lt::make_address(last), flags);
}

uint32_t mask_of(lt::peer_class_t peer_class) { return 1u << static_cast<uint32_t>(peer_class); }

void set_class(
    lt::session& session, lt::peer_class_t peer_class, int upload_priority, int upload_limit, int download_limit) {
    auto info = session.get_peer_class(peer_class);
    info.upload_priority = upload_priority;
    info.upload_limit = upload_limit;
    info.download_limit = download_limit;
    session.set_peer_class(peer_class, info);
}

}

void apply_classes(slt_session& session) {
    uint32_t const global = mask_of(lt::session::global_peer_class_id);
    uint32_t const local = mask_of(lt::session::local_peer_class_id);
    lt::ip_filter filter;
    add(filter, "0.0.0.0", "255.255.255.255", global);
    add(filter, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", global);
    if (!session.limits_local_peers) {
        // As libtorrent has it by default: the class "local" knows no limits and no slots.
        add(filter, "10.0.0.0", "10.255.255.255", local);
        add(filter, "172.16.0.0", "172.31.255.255", local);
        add(filter, "192.168.0.0", "192.168.255.255", local);
        add(filter, "169.254.0.0", "169.254.255.255", local);
        add(filter, "127.0.0.0", "127.255.255.255", local);
        add(filter, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", local);
        add(filter, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", local);
        add(filter, "::1", "::1", local);
    }
    if (session.has_classes) {
        auto const over = [&](auto const& ranges) {
            for (auto const& range : ranges) {
                // What was said by hand about an address is said of local ones as well.
                if (range.flags == SLT_NEAR) filter.add_rule(range.first, range.last, global | mask_of(session.near_class));
                if (range.flags == SLT_FAR) filter.add_rule(range.first, range.last, global | mask_of(session.far_class));
            }
        };
        auto const [v4, v6] = session.distances.export_filter();
        over(v4);
        over(v6);
    }
    session.session->set_peer_class_filter(filter);
}

}

using namespace slt;

slt_code slt_session_set_peer_rules(slt_session* session, slt_peer_rules const* rules, slt_error* error) {
    return guarded(error, SLT_SESSION, [&] {
        lt::ip_filter distances, accesses;
        for (size_t index = 0; index < rules->distance_count; ++index) {
            auto const [first, last] = ends_of(rules->distances[index].range);
            distances.add_rule(first, last, static_cast<uint32_t>(rules->distances[index].distance));
        }
        for (size_t index = 0; index < rules->access_count; ++index) {
            auto const [first, last] = ends_of(rules->accesses[index].range);
            accesses.add_rule(first, last, rules->accesses[index].is_blocked ? lt::ip_filter::blocked : 0u);
        }
        if (!session->has_classes) {
            session->near_class = session->session->create_peer_class("near");
            session->far_class = session->session->create_peer_class("far");
            session->has_classes = true;
        }
        set_class(*session->session, session->near_class, rules->near_upload_priority, 0, 0);
        set_class(*session->session, session->far_class, 1, rules->far_upload_limit, rules->far_download_limit);
        session->distances = distances;
        session->ledger->distances.set(std::move(distances));
        apply_classes(*session);
        session->session->set_ip_filter(std::move(accesses));
        return SLT_OK;
    });
}
