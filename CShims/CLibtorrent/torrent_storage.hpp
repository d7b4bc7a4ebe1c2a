#pragma once
#include "open_files.hpp"
#include "torrent_files.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/operations.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <deque>
#include <functional>
#include <memory>

namespace slt {

namespace lt = libtorrent;

lt::storage_error out_of_memory();

/// A torrent's content on the disk, and the requests for it that are not answered yet.
class Storage {
public:
    /// `size` is that of the content, pads included. `open` must outlive it.
    Storage(std::uint64_t number, std::shared_ptr<TorrentFiles> files, std::string path, int piece_length, std::int64_t size,
            OpenFiles& open)
        : number(number), files_(std::move(files)), path_(std::move(path)), piece_length_(piece_length), size_(size),
          open_(open) {}
    ~Storage() { open_.release(number); }
    Storage(Storage const&) = delete;

    /// No other storage of the session has it.
    std::uint64_t const number;

    // MARK: any thread

    lt::storage_error read(lt::piece_index_t piece, int offset, char* data, int size);
    lt::storage_error write(lt::piece_index_t piece, int offset, char const* data, int size);
    lt::storage_error hash(lt::piece_index_t piece, lt::sha1_hash& result);

    // MARK: the network thread

    /// Counts a request that is to be answered; the result is for `leave`.
    std::uint64_t enter() {
        ++epochs_.back().unanswered;
        return first_ + epochs_.size() - 1;
    }

    /// A request was answered. Returns who waited for it, and for no other.
    std::vector<std::function<void()>> leave(std::uint64_t epoch) {
        --epochs_[epoch - first_].unanswered;
        return settle();
    }

    /// Has `handler` wait until all requests so far are answered. Returns it if they are.
    std::vector<std::function<void()>> wait(std::function<void()> handler) {
        epochs_.back().waiter = std::move(handler);
        epochs_.emplace_back();
        return settle();
    }

private:
    /// The requests between two waits.
    struct Epoch {
        int unanswered = 0;
        std::function<void()> waiter;
    };

    std::vector<std::function<void()>> settle() {
        std::vector<std::function<void()>> result;
        for (; epochs_.size() > 1 && epochs_.front().unanswered == 0; ++first_) {
            result.push_back(std::move(epochs_.front().waiter));
            epochs_.pop_front();
        }
        return result;
    }

    template <typename Body>
    lt::storage_error transfer(lt::operation_t operation, lt::piece_index_t piece, int offset, int size, Body&& body);
    std::shared_ptr<OpenFile> open(int file, bool for_writing);
    void read_fully(int file, std::int64_t at, char* data, std::int64_t size);
    void write_fully(int file, std::int64_t at, char const* data, std::int64_t size);

    std::shared_ptr<TorrentFiles> const files_;
    std::string const path_;
    int const piece_length_;
    std::int64_t const size_;
    OpenFiles& open_;
    std::deque<Epoch> epochs_{1};
    std::uint64_t first_ = 0;
};

}
