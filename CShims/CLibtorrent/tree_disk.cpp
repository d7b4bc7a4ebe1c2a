#include "tree_disk.hpp"

#include "disk_workers.hpp"
#include "open_files.hpp"
#include "torrent_storage.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/disk_observer.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/storage_defs.hpp>

#include <boost/asio/post.hpp>

#include <cstring>
#include <deque>
#include <stdexcept>

#include <sys/resource.h>

namespace slt {
namespace {

class TreeDisk final : public lt::disk_interface, lt::buffer_allocator_interface {
public:
    TreeDisk(lt::io_context& context, lt::settings_interface const& settings, std::shared_ptr<FileRegistry const> registry)
        : context_(context), registry_(std::move(registry)),
          unwritten_limit_(settings.get_int(lt::settings_pack::max_queued_disk_bytes)),
          open_(capacity(settings)),
          workers_(
              context, static_cast<std::size_t>(std::max(1, settings.get_int(lt::settings_pack::aio_threads))),
              [this](std::deque<Job> jobs) { deliver(std::move(jobs)); }) {}

    // All that follows is called by libtorrent's network thread, and answered on it, later.

    lt::storage_holder new_torrent(lt::storage_params const& params, std::shared_ptr<void> const&) override {
        auto files = registry_->find(params.info_hash);
        if (!files) throw std::logic_error("a torrent was added without its files");
        auto storage = std::make_shared<Storage>(
            ++last_number_, std::move(files), params.path, params.files.piece_length(), params.files.total_size(), open_);
        std::size_t index = storages_.size();
        if (free_.empty()) {
            storages_.push_back(std::move(storage));
        } else {
            index = free_.back();
            free_.pop_back();
            storages_[index] = std::move(storage);
        }
        return {lt::storage_index_t(static_cast<std::uint32_t>(index)), *this};
    }

    void remove_torrent(lt::storage_index_t index) override {
        auto const place = static_cast<std::size_t>(static_cast<std::uint32_t>(index));
        storages_[place].reset();
        free_.push_back(place);
    }

    void async_read(
        lt::storage_index_t index, lt::peer_request const& request,
        std::function<void(lt::disk_buffer_holder, lt::storage_error const&)> handler,
        lt::disk_job_flags_t flags) override {
        auto const& storage = at(index);
        // What peers ask for was written, and found right, before: it need not wait for the piece's other jobs. What a
        // refused piece is read for must not be written anew meanwhile: there, libtorrent wants a copy (smart_ban.cpp).
        int const order = flags & force_copy ? static_cast<int>(request.piece) : -1;
        submit(storage, order, [this, storage = storage.get(), request, handler = std::move(handler)]() mutable -> Job::Answer {
            lt::storage_error error;
            auto const buffer = std::make_shared<lt::disk_buffer_holder>(allocate(request.length, error));
            if (*buffer) error = storage->read(request.piece, request.start, buffer->data(), request.length);
            return [buffer, error, handler = std::move(handler)] { handler(std::move(*buffer), error); };
        });
    }

    bool async_write(
        lt::storage_index_t index, lt::peer_request const& request, char const* data,
        std::shared_ptr<lt::disk_observer> observer, std::function<void(lt::storage_error const&)> handler,
        lt::disk_job_flags_t) override {
        auto const& storage = at(index);
        is_awaiting_ = false;
        std::shared_ptr<char[]> copy(new char[static_cast<std::size_t>(request.length)]);
        std::memcpy(copy.get(), data, static_cast<std::size_t>(request.length));
        unwritten_ += request.length;
        submit(
            storage, static_cast<int>(request.piece),
            [this, storage = storage.get(), request, copy, handler = std::move(handler)]() mutable -> Job::Answer {
                auto const error = storage->write(request.piece, request.start, copy.get(), request.length);
                copy.reset();
                return [this, size = request.length, error, handler = std::move(handler)] {
                    handler(error);
                    written(size);
                };
            });
        if (unwritten_ < unwritten_limit_) return false;
        // A peer hands in one block after the other, and waits but once.
        if (observer && (waiting_.empty() || waiting_.back().owner_before(observer) || observer.owner_before(waiting_.back())))
            waiting_.push_back(std::move(observer));
        return true;
    }

    void async_hash(
        lt::storage_index_t index, lt::piece_index_t piece, lt::span<lt::sha256_hash>, lt::disk_job_flags_t,
        std::function<void(lt::piece_index_t, lt::sha1_hash const&, lt::storage_error const&)> handler) override {
        auto const& storage = at(index);
        submit(
            storage, static_cast<int>(piece),
            [storage = storage.get(), piece, handler = std::move(handler)]() mutable -> Job::Answer {
                lt::sha1_hash hash;
                auto const error = storage->hash(piece, hash);
                return [piece, hash, error, handler = std::move(handler)] { handler(piece, hash, error); };
            });
    }

    void async_clear_piece(
        lt::storage_index_t index, lt::piece_index_t piece, std::function<void(lt::piece_index_t)> handler) override {
        submit(at(index), static_cast<int>(piece), [piece, handler = std::move(handler)]() mutable -> Job::Answer {
            return [piece, handler = std::move(handler)] { handler(piece); };
        });
    }

    void async_release_files(lt::storage_index_t index, std::function<void()> handler) override {
        auto const storage = at(index);
        settle(storage->wait([this, storage, handler = std::move(handler)] {
            open_.release(storage->number);
            if (handler) handler();
        }));
    }

    void async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) override {
        async_release_files(index, std::move(handler));
    }

    void async_check_files(
        lt::storage_index_t, lt::add_torrent_params const*, lt::aux::vector<std::string, lt::file_index_t>,
        std::function<void(lt::status_t, lt::storage_error const&)> handler) override {
        // What is here is said when a torrent is added.
        answer([handler = std::move(handler)] { handler(lt::status_t::no_error, {}); });
    }

    void async_set_file_priority(
        lt::storage_index_t, lt::aux::vector<lt::download_priority_t, lt::file_index_t> priorities,
        std::function<void(lt::storage_error const&, lt::aux::vector<lt::download_priority_t, lt::file_index_t>)> handler)
        override {
        answer([handler = std::move(handler), priorities = std::move(priorities)] { handler({}, priorities); });
    }

    // Nobody asks for these: torrents of version 2, and files that libtorrent is to move, rename or delete.

    void async_hash2(
        lt::storage_index_t, lt::piece_index_t piece, int, lt::disk_job_flags_t,
        std::function<void(lt::piece_index_t, lt::sha256_hash const&, lt::storage_error const&)> handler) override {
        answer([handler = std::move(handler), piece] { handler(piece, {}, unsupported()); });
    }

    void async_move_storage(
        lt::storage_index_t, std::string path, lt::move_flags_t,
        std::function<void(lt::status_t, std::string const&, lt::storage_error const&)> handler) override {
        answer([handler = std::move(handler), path = std::move(path)] {
            handler(lt::status_t::fatal_disk_error, path, unsupported());
        });
    }

    void async_rename_file(
        lt::storage_index_t, lt::file_index_t file, std::string name,
        std::function<void(std::string const&, lt::file_index_t, lt::storage_error const&)> handler) override {
        answer([handler = std::move(handler), file, name = std::move(name)] { handler(name, file, unsupported()); });
    }

    void async_delete_files(
        lt::storage_index_t, lt::remove_flags_t, std::function<void(lt::storage_error const&)> handler) override {
        answer([handler = std::move(handler)] { handler(unsupported()); });
    }

    void update_stats_counters(lt::counters&) const override {}
    std::vector<lt::open_file_state> get_status(lt::storage_index_t) const override { return {}; }
    // Jobs are begun as they come.
    void submit_jobs() override {}
    void settings_updated() override {}
    void abort(bool) override { workers_.finish(); }

    void free_disk_buffer(char* buffer) override { delete[] buffer; }

private:
    /// How many files may stay open: libtorrent takes four fifths of what the system allows for its connections.
    static std::size_t capacity(lt::settings_interface const& settings) {
        auto const wanted = static_cast<rlim_t>(settings.get_int(lt::settings_pack::file_pool_size));
        struct rlimit limit;
        if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
        return static_cast<std::size_t>(std::max<rlim_t>(8, std::min(wanted, limit.rlim_cur / 10)));
    }

    static lt::storage_error unsupported() {
        lt::storage_error error(lt::error_code(boost::system::errc::not_supported, lt::generic_category()));
        error.operation = lt::operation_t::unknown;
        return error;
    }

    std::shared_ptr<Storage> const& at(lt::storage_index_t index) const {
        return storages_[static_cast<std::size_t>(static_cast<std::uint32_t>(index))];
    }

    lt::disk_buffer_holder allocate(int size, lt::storage_error& error) {
        auto* const buffer = new (std::nothrow) char[static_cast<std::size_t>(size)];
        if (buffer == nullptr) {
            error = out_of_memory();
            return {};
        }
        return {*this, buffer, size};
    }

    void submit(std::shared_ptr<Storage> const& storage, int piece, std::function<Job::Answer()> work) {
        workers_.submit({storage, storage->enter(), piece, std::move(work), nullptr});
    }

    void answer(std::function<void()> handler) { boost::asio::post(context_, std::move(handler)); }

    void settle(std::vector<std::function<void()>> waiters) {
        for (auto& waiter : waiters) answer(std::move(waiter));
    }

    void deliver(std::deque<Job> jobs) {
        for (auto& job : jobs) {
            job.answer();
            settle(job.storage->leave(job.epoch));
        }
    }

    /// Lets the peers go on that wait for room: one after the other, for each hands in all that the system has received for
    /// it meanwhile, which may be megabytes. The next one follows once something was handed in, and when nothing is left to
    /// write all of them.
    void written(int size) {
        unwritten_ -= size;
        if (unwritten_ > unwritten_limit_ / 2) return;
        while (!waiting_.empty() && (unwritten_ == 0 || !is_awaiting_)) {
            auto const peer = waiting_.front().lock();
            waiting_.pop_front();
            if (!peer) continue;
            is_awaiting_ = true;
            peer->on_disk();
        }
    }

    lt::io_context& context_;
    std::shared_ptr<FileRegistry const> const registry_;
    int const unwritten_limit_;
    OpenFiles open_;
    std::vector<std::shared_ptr<Storage>> storages_;
    std::vector<std::size_t> free_;
    std::uint64_t last_number_ = 0;
    /// Bytes that were handed in and are not on their way to the disk yet.
    int unwritten_ = 0;
    /// Peers that wait for room.
    std::deque<std::weak_ptr<lt::disk_observer>> waiting_;
    /// Whether one of them was let go on and nothing has been handed in since.
    bool is_awaiting_ = false;
    // Last, hence destroyed first: its threads use what is above.
    Workers workers_;
};

}

std::unique_ptr<lt::disk_interface> tree_disk(
    lt::io_context& context, lt::settings_interface const& settings, std::shared_ptr<FileRegistry const> registry) {
    return std::make_unique<TreeDisk>(context, settings, std::move(registry));
}

}
