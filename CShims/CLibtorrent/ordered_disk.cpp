#include "ordered_disk.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/storage_defs.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <set>

namespace slt {

namespace {

/// Like all of a `disk_interface`, it is called by libtorrent's network thread alone, and answers on it.
class OrderedDisk final : public lt::disk_interface {
public:
    explicit OrderedDisk(std::unique_ptr<lt::disk_interface> disk) : disk_(std::move(disk)) {}

    bool async_write(
        lt::storage_index_t storage, lt::peer_request const& request, char const* data,
        std::shared_ptr<lt::disk_observer> observer, std::function<void(lt::storage_error const&)> handler,
        lt::disk_job_flags_t flags) override {
        auto const number = ++last_;
        bool const is_busy = disk_->async_write(
            storage, request, data, std::move(observer),
            [this, storage, number, handler = std::move(handler)](lt::storage_error const& error) {
                handler(error);
                answered(storage, number);
            },
            flags);
        // Answers are posted, so that there is none before this line.
        orders_[storage].writes.insert(number);
        return is_busy;
    }

    void async_clear_piece(
        lt::storage_index_t storage, lt::piece_index_t piece, std::function<void(lt::piece_index_t)> handler) override {
        disk_->async_clear_piece(
            storage, piece, [this, storage, number = ++last_, handler = std::move(handler)](lt::piece_index_t cleared) {
                after_writes(storage, number, [handler, cleared] { handler(cleared); });
            });
    }

    void async_release_files(lt::storage_index_t storage, std::function<void()> handler) override {
        // Without a handler nobody waits for it.
        if (!handler) return disk_->async_release_files(storage, nullptr);
        disk_->async_release_files(storage, [this, storage, number = ++last_, handler = std::move(handler)] {
            after_writes(storage, number, handler);
        });
    }

    // What follows is passed on as it is.

    lt::storage_holder new_torrent(lt::storage_params const& params, std::shared_ptr<void> const& torrent) override {
        return disk_->new_torrent(params, torrent);
    }

    void remove_torrent(lt::storage_index_t storage) override { disk_->remove_torrent(storage); }

    void async_read(
        lt::storage_index_t storage, lt::peer_request const& request,
        std::function<void(lt::disk_buffer_holder, lt::storage_error const&)> handler,
        lt::disk_job_flags_t flags) override {
        disk_->async_read(storage, request, std::move(handler), flags);
    }

    void async_hash(
        lt::storage_index_t storage, lt::piece_index_t piece, lt::span<lt::sha256_hash> blocks, lt::disk_job_flags_t flags,
        std::function<void(lt::piece_index_t, lt::sha1_hash const&, lt::storage_error const&)> handler) override {
        disk_->async_hash(storage, piece, blocks, flags, std::move(handler));
    }

    void async_hash2(
        lt::storage_index_t storage, lt::piece_index_t piece, int offset, lt::disk_job_flags_t flags,
        std::function<void(lt::piece_index_t, lt::sha256_hash const&, lt::storage_error const&)> handler) override {
        disk_->async_hash2(storage, piece, offset, flags, std::move(handler));
    }

    void async_move_storage(
        lt::storage_index_t storage, std::string path, lt::move_flags_t flags,
        std::function<void(lt::status_t, std::string const&, lt::storage_error const&)> handler) override {
        disk_->async_move_storage(storage, std::move(path), flags, std::move(handler));
    }

    void async_check_files(
        lt::storage_index_t storage, lt::add_torrent_params const* resume_data,
        lt::aux::vector<std::string, lt::file_index_t> links,
        std::function<void(lt::status_t, lt::storage_error const&)> handler) override {
        disk_->async_check_files(storage, resume_data, std::move(links), std::move(handler));
    }

    void async_stop_torrent(lt::storage_index_t storage, std::function<void()> handler) override {
        disk_->async_stop_torrent(storage, std::move(handler));
    }

    void async_rename_file(
        lt::storage_index_t storage, lt::file_index_t index, std::string name,
        std::function<void(std::string const&, lt::file_index_t, lt::storage_error const&)> handler) override {
        disk_->async_rename_file(storage, index, std::move(name), std::move(handler));
    }

    void async_delete_files(
        lt::storage_index_t storage, lt::remove_flags_t options,
        std::function<void(lt::storage_error const&)> handler) override {
        disk_->async_delete_files(storage, options, std::move(handler));
    }

    void async_set_file_priority(
        lt::storage_index_t storage, lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities,
        std::function<void(lt::storage_error const&, lt::aux::vector<lt::download_priority_t, lt::file_index_t>)> handler)
        override {
        disk_->async_set_file_priority(storage, std::move(priorities), std::move(handler));
    }

    void update_stats_counters(lt::counters& counters) const override { disk_->update_stats_counters(counters); }

    std::vector<lt::open_file_state> get_status(lt::storage_index_t storage) const override {
        return disk_->get_status(storage);
    }

    void abort(bool wait) override { disk_->abort(wait); }

    void submit_jobs() override { disk_->submit_jobs(); }

    void settings_updated() override { disk_->settings_updated(); }

private:
    /// What of a storage is not answered yet, by the number of the request. (A storage's index may be given to another
    /// one before all is; numbers are never given twice.)
    struct Order {
        std::set<std::uint64_t> writes;
        std::map<std::uint64_t, std::function<void()>> waiting;
    };

    void answered(lt::storage_index_t storage, std::uint64_t number) {
        orders_[storage].writes.erase(number);
        // A handler may ask for more, and so change what is looked at here.
        while (true) {
            auto const found = orders_.find(storage);
            if (found == orders_.end()) return;
            auto& [writes, waiting] = found->second;
            if (waiting.empty()) {
                if (writes.empty()) orders_.erase(found);
                return;
            }
            auto const next = waiting.begin();
            if (!writes.empty() && *writes.begin() < next->first) return;
            auto const handler = std::move(next->second);
            waiting.erase(next);
            handler();
        }
    }

    void after_writes(lt::storage_index_t storage, std::uint64_t number, std::function<void()> handler) {
        auto const order = orders_.find(storage);
        if (order == orders_.end() || order->second.writes.empty() || *order->second.writes.begin() > number)
            return handler();
        order->second.waiting.emplace(number, std::move(handler));
    }

    // First, hence destroyed last: who waits may own a storage of it.
    std::unique_ptr<lt::disk_interface> disk_;
    std::map<lt::storage_index_t, Order> orders_;
    std::uint64_t last_ = 0;
};

}

std::unique_ptr<lt::disk_interface> ordered_disk(
    lt::io_context& context, lt::settings_interface const& settings, lt::counters& counters) {
    return std::make_unique<OrderedDisk>(lt::default_disk_io_constructor(context, settings, counters));
}

}
