#pragma once
#include "error.hpp"

#include <libtorrent/entry.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace slt {

/// How a master's peer-id begins.
inline bool is_master(lt::peer_id const& id) { return std::memcmp(id.data(), "-SP", 3) == 0; }

/// The caller's callback, which can be taken away while libtorrent's threads still run.
class Notifier {
public:
    Notifier(slt_notify notify, void* context, slt_release release)
        : notify_(notify), context_(context), release_(release) {}
    ~Notifier() { clear(); }
    Notifier(Notifier const&) = delete;

    void signal() {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (context_ != nullptr) notify_(context_);
    }

    void clear() {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (context_ != nullptr) release_(context_);
        context_ = nullptr;
    }

private:
    std::mutex mutex_;
    slt_notify notify_;
    void* context_;
    slt_release release_;
};

struct Counters {
    /// Pieces of the torrent that are not here.
    std::atomic<int> missing{0};
    std::atomic<int64_t> from_master{0}, from_peers{0}, refused{0}, uploaded{0};
    std::atomic<int64_t> from_near{0}, from_far{0}, to_near{0}, to_far{0};
    std::atomic<int64_t> from_near_peers{0}, from_far_peers{0};
};

/// Which addresses are near, and which are far. Thread-safe.
class Distances {
public:
    void set(lt::ip_filter rules) {
        std::lock_guard<std::mutex> const lock(mutex_);
        rules_ = std::move(rules);
    }

    slt_distance of(lt::address const& address) const {
        std::lock_guard<std::mutex> const lock(mutex_);
        return static_cast<slt_distance>(rules_.access(address));
    }

private:
    mutable std::mutex mutex_;
    // Its flags are values of slt_distance.
    lt::ip_filter rules_;
};

/// What the observers in libtorrent's network thread tell the session's owner. Thread-safe.
///
/// Pieces do not come by alerts: a torrent that is added with pieces raises one alert for each of them, and a queue of
/// alerts can overflow.
class Ledger {
public:
    struct Piece {
        lt::sha1_hash info_hash;
        int index;
    };

    explicit Ledger(std::shared_ptr<Notifier> notifier) : notifier_(std::move(notifier)) {}

    Distances distances;
    /// How many torrents the session has.
    std::atomic<int> torrents{0};

    std::shared_ptr<Counters> counters(lt::sha1_hash const& info_hash) {
        std::lock_guard<std::mutex> const lock(mutex_);
        auto& result = counters_[info_hash];
        if (!result) result = std::make_shared<Counters>();
        return result;
    }

    slt_traffic traffic(lt::sha1_hash const* info_hash) const {
        std::lock_guard<std::mutex> const lock(mutex_);
        slt_traffic sum{};
        auto const add = [&sum](Counters const& counters) {
            sum.from_master += counters.from_master;
            sum.from_peers += counters.from_peers;
            sum.refused += counters.refused;
            sum.uploaded += counters.uploaded;
            sum.from_near += counters.from_near;
            sum.from_far += counters.from_far;
            sum.to_near += counters.to_near;
            sum.to_far += counters.to_far;
            sum.from_near_peers += counters.from_near_peers;
            sum.from_far_peers += counters.from_far_peers;
        };
        if (info_hash == nullptr) {
            for (auto const& entry : counters_) add(*entry.second);
        } else if (auto const found = counters_.find(*info_hash); found != counters_.end()) {
            add(*found->second);
        }
        return sum;
    }

    void passed(lt::sha1_hash const& info_hash, int index) {
        bool first;
        {
            std::lock_guard<std::mutex> const lock(mutex_);
            first = pieces_.empty();
            pieces_.push_back({info_hash, index});
        }
        if (first) notifier_->signal();
    }

    std::vector<Piece> take_pieces() {
        std::lock_guard<std::mutex> const lock(mutex_);
        return std::exchange(pieces_, {});
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<Notifier> notifier_;
    std::unordered_map<lt::sha1_hash, std::shared_ptr<Counters>> counters_;
    std::vector<Piece> pieces_;
};

/// Tells one peer how much it may ask for ahead, counts its payload, and lets a seed go once the torrent is whole: without
/// it, the seeds of a snapshot would stay connected to one another. Network thread only.
class PeerObserver final : public lt::peer_plugin {
public:
    PeerObserver(std::shared_ptr<Ledger> ledger, std::shared_ptr<Counters> counters, lt::peer_connection_handle peer)
        : ledger_(std::move(ledger)), counters_(std::move(counters)), peer_(std::move(peer)) {}

    /// Who has many torrents gets the less asked for in each: where a peer's disk is slower than the line, all that it asked
    /// for waits in its memory, twice, for libtorrent reads all that it has received from somebody before it minds how much
    /// waits for the disk. (libtorrent asks whoever allows it for the blocks of a second.)
    void add_handshake(lt::entry& handshake) override {
        handshake["reqq"] = std::clamp(all_requests / std::max(1, ledger_->torrents.load()), fewest_requests, all_requests);
    }

    /// Each second. Both must have everything: whoever lacks a piece may want it later, and would be dialed again and again.
    void tick() override {
        bool const is_idle = counters_->missing == 0 && peer_.is_seed();
        idle_ = is_idle ? idle_ + 1 : 0;
        if (idle_ == idle_limit) peer_.disconnect(lt::errors::upload_upload_connection, lt::operation_t::bittorrent);
    }

    bool on_piece(lt::peer_request const&, lt::span<char const> block) override {
        know_peer();
        received_->fetch_add(block.size(), std::memory_order_relaxed);
        if (distance_ == SLT_NEAR) counters_->from_near.fetch_add(block.size(), std::memory_order_relaxed);
        if (distance_ == SLT_FAR) counters_->from_far.fetch_add(block.size(), std::memory_order_relaxed);
        if (from_distance_ != nullptr) from_distance_->fetch_add(block.size(), std::memory_order_relaxed);
        return false;
    }

    void sent_payload(int bytes) override {
        know_peer();
        counters_->uploaded.fetch_add(bytes, std::memory_order_relaxed);
        if (distance_ == SLT_NEAR) counters_->to_near.fetch_add(bytes, std::memory_order_relaxed);
        if (distance_ == SLT_FAR) counters_->to_far.fetch_add(bytes, std::memory_order_relaxed);
    }

private:
    /// The peer-id and the address are known only after the handshake, hence not when the observer is made.
    void know_peer() {
        if (received_ != nullptr) return;
        bool const master = is_master(peer_.pid());
        received_ = master ? &counters_->from_master : &counters_->from_peers;
        distance_ = ledger_->distances.of(peer_.remote().address());
        if (!master && distance_ == SLT_NEAR) from_distance_ = &counters_->from_near_peers;
        if (!master && distance_ == SLT_FAR) from_distance_ = &counters_->from_far_peers;
    }

    std::shared_ptr<Ledger> ledger_;
    std::shared_ptr<Counters> counters_;
    lt::peer_connection_handle peer_;
    std::atomic<int64_t>* received_ = nullptr;
    /// Null for a master, and for who is neither near nor far.
    std::atomic<int64_t>* from_distance_ = nullptr;
    slt_distance distance_ = SLT_NEITHER;
    /// Blocks of 16 KiB. The fewest are 1.5 MiB: over 100 ms, 15 MB/s from one peer in one torrent. The most are
    /// libtorrent's.
    static constexpr int fewest_requests = 96, all_requests = 2000;
    static constexpr int idle_limit = 10;
    int idle_ = 0;
};

/// How long each piece of a torrent is.
struct PieceLengths {
    int64_t content;
    int piece;

    explicit PieceLengths(lt::torrent_info const& info) : content(info.total_size()), piece(info.piece_length()) {}

    int64_t operator()(lt::piece_index_t index) const {
        return std::min<int64_t>(piece, content - static_cast<int64_t>(static_cast<int>(index)) * piece);
    }
};

/// Reports one torrent's pieces. Network thread only.
class TorrentObserver final : public lt::torrent_plugin {
public:
    TorrentObserver(std::shared_ptr<Ledger> ledger, lt::sha1_hash const& info_hash, PieceLengths lengths, int missing)
        : ledger_(std::move(ledger)), info_hash_(info_hash), lengths_(lengths), counters_(ledger_->counters(info_hash_)) {
        counters_->missing = missing;
    }

    std::shared_ptr<lt::peer_plugin> new_connection(lt::peer_connection_handle const& peer) override {
        return std::make_shared<PeerObserver>(ledger_, counters_, peer);
    }

    /// Not called for pieces that were had when the torrent was added: with no_verify_files libtorrent starts the torrent
    /// first and attaches its extensions afterwards.
    void on_piece_pass(lt::piece_index_t piece) override {
        --counters_->missing;
        ledger_->passed(info_hash_, static_cast<int>(piece));
    }

    void on_piece_failed(lt::piece_index_t piece) override {
        counters_->refused.fetch_add(lengths_(piece), std::memory_order_relaxed);
    }

private:
    std::shared_ptr<Ledger> ledger_;
    lt::sha1_hash info_hash_;
    PieceLengths lengths_;
    std::shared_ptr<Counters> counters_;
};

}
