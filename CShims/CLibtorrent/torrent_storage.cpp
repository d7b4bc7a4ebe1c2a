#include "torrent_storage.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/hasher.hpp>

#include <boost/asio/error.hpp>

#include <cstring>
#include <new>
#include <system_error>

#include <unistd.h>

namespace slt {
namespace {

/// A file ended before what was to be read of it.
struct EndOfFile {};

}

lt::storage_error out_of_memory() {
    lt::storage_error error;
    error.ec = boost::asio::error::no_memory;
    error.operation = lt::operation_t::alloc_cache_piece;
    return error;
}

template <typename Body>
lt::storage_error Storage::transfer(lt::operation_t operation, lt::piece_index_t piece, int offset, int size, Body&& body) {
    std::int64_t const begin = static_cast<std::int64_t>(static_cast<int>(piece)) * piece_length_ + offset;
    int current = -1;
    lt::storage_error result;
    try {
        files_->for_each_part(begin, size, [&](int file, std::int64_t at, std::int64_t length) {
            current = file;
            body(file, at, length);
        });
        return result;
    } catch (std::system_error const& failure) {
        result.ec = lt::error_code(failure.code().value(), lt::system_category());
    } catch (EndOfFile const&) {
        result.ec = boost::asio::error::eof;
    } catch (...) {
        result.ec = boost::asio::error::no_memory;
    }
    result.operation = operation;
    // The files that libtorrent knows are not those on the disk: the first one stands for all.
    result.file(lt::file_index_t(0));
    if (current >= 0) files_->set_failed(files_->path(current, path_));
    return result;
}

lt::storage_error Storage::read(lt::piece_index_t piece, int offset, char* data, int size) {
    return transfer(lt::operation_t::file_read, piece, offset, size, [&](int file, std::int64_t at, std::int64_t length) {
        if (file < 0)
            std::memset(data, 0, static_cast<std::size_t>(length));
        else
            read_fully(file, at, data, length);
        data += length;
    });
}

lt::storage_error Storage::write(lt::piece_index_t piece, int offset, char const* data, int size) {
    return transfer(lt::operation_t::file_write, piece, offset, size, [&](int file, std::int64_t at, std::int64_t length) {
        if (file >= 0) write_fully(file, at, data, length);
        data += length;
    });
}

lt::storage_error Storage::hash(lt::piece_index_t piece, lt::sha1_hash& result) {
    auto const length = static_cast<int>(
        std::min<std::int64_t>(piece_length_, size_ - static_cast<std::int64_t>(static_cast<int>(piece)) * piece_length_));
    int const step = std::min(length, 256 * 1024);
    std::unique_ptr<char[]> const buffer(new (std::nothrow) char[static_cast<std::size_t>(step)]);
    if (!buffer) return out_of_memory();
    lt::hasher hasher;
    for (int offset = 0; offset < length; offset += step) {
        int const size = std::min(step, length - offset);
        if (auto const error = read(piece, offset, buffer.get(), size)) return error;
        hasher.update(buffer.get(), size);
    }
    result = hasher.final();
    return {};
}

std::shared_ptr<OpenFile> Storage::open(int file, bool for_writing) {
    OpenFiles::Key const key{number, file};
    if (auto result = open_.find(key, for_writing)) return result;
    auto result = open_file(files_->path(file, path_), for_writing, files_->length(file));
    open_.keep(key, result);
    return result;
}

void Storage::read_fully(int file, std::int64_t at, char* data, std::int64_t size) {
    auto const opened = open(file, false);
    while (size > 0) {
        auto const count = ::pread(opened->descriptor, data, static_cast<std::size_t>(size), at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category());
        if (count == 0) throw EndOfFile();
        data += count;
        at += count;
        size -= count;
    }
}

void Storage::write_fully(int file, std::int64_t at, char const* data, std::int64_t size) {
    auto const opened = open(file, true);
    while (size > 0) {
        auto const count = ::pwrite(opened->descriptor, data, static_cast<std::size_t>(size), at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category());
        data += count;
        at += count;
        size -= count;
    }
}

}
