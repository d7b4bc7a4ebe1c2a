#pragma once
#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace slt {

/// Where the files of a torrent lie: in its content, and below the directory that it is saved to. Flat columns; empty
/// files and pads are not among them, and what lies between two files is zeros.
class TorrentFiles {
public:
    /// Names the directory that all files are in.
    void put_into(std::string directory) { directory_ = std::move(directory); }

    /// Takes room for so many files, with so many bytes of paths.
    void reserve(std::size_t files, std::size_t paths) {
        entries_.reserve(files);
        offsets_.reserve(files);
        lengths_.reserve(files);
        paths_.reserve(paths);
        path_ends_.reserve(files);
    }

    /// The next file. `entry` is its place in the torrent's list.
    void add(int entry, std::int64_t offset, std::int64_t length, std::string_view path) {
        entries_.push_back(entry);
        offsets_.push_back(offset);
        lengths_.push_back(length);
        paths_.append(path);
        path_ends_.push_back(paths_.size());
    }

    /// Gives room back that was taken for more files than there are.
    void close() {
        entries_.shrink_to_fit();
        offsets_.shrink_to_fit();
        lengths_.shrink_to_fit();
        paths_.shrink_to_fit();
        path_ends_.shrink_to_fit();
    }

    int count() const { return static_cast<int>(offsets_.size()); }
    std::int64_t offset(int file) const { return offsets_[static_cast<std::size_t>(file)]; }
    std::int64_t length(int file) const { return lengths_[static_cast<std::size_t>(file)]; }
    std::int64_t end(int file) const { return offset(file) + length(file); }

    /// Gives an entry of the torrent's list another path, below the directory that it is saved to, or absolute.
    void rename(int entry, std::string path) {
        auto const found = std::lower_bound(entries_.begin(), entries_.end(), entry);
        if (found == entries_.end() || *found != entry || path.empty()) return;
        renamed_[static_cast<int>(found - entries_.begin())] = std::move(path);
    }

    std::string path(int file, std::string const& save_path) const {
        if (auto const found = renamed_.find(file); found != renamed_.end())
            return found->second.front() == '/' ? found->second : save_path + '/' + found->second;
        auto const index = static_cast<std::size_t>(file);
        std::size_t const begin = file == 0 ? 0 : path_ends_[index - 1];
        std::string result;
        result.reserve(save_path.size() + directory_.size() + 2 + path_ends_[index] - begin);
        result.append(save_path).append("/");
        if (!directory_.empty()) result.append(directory_).append("/");
        return result.append(paths_, begin, path_ends_[index] - begin);
    }

    /// Calls `body(file, offset in the file, size)` for the parts of a range of the content, one after the other; the file
    /// is -1 for zeros.
    template <typename Body>
    void for_each_part(std::int64_t begin, std::int64_t size, Body&& body) const {
        // The first file that ends after the beginning.
        auto file = static_cast<int>(std::upper_bound(offsets_.begin(), offsets_.end(), begin) - offsets_.begin());
        if (file > 0 && end(file - 1) > begin) --file;
        for (std::int64_t part; size > 0; begin += part, size -= part) {
            bool const is_inside = file < count() && offset(file) <= begin;
            if (is_inside)
                part = std::min(size, end(file) - begin);
            else
                part = file < count() ? std::min(size, offset(file) - begin) : size;
            body(is_inside ? file : -1, is_inside ? begin - offset(file) : 0, part);
            if (is_inside) ++file;
        }
    }

    /// Calls `body(begin, end)` for the runs of zeros in a content of `size` bytes, in order.
    template <typename Body>
    void for_each_gap(std::int64_t size, Body&& body) const {
        std::int64_t begin = 0;
        for (int file = 0; file < count(); ++file) {
            if (offset(file) > begin) body(begin, offset(file));
            begin = end(file);
        }
        if (size > begin) body(begin, size);
    }

    /// The file of the last disk error. Thread-safe.
    std::string failed() const {
        std::lock_guard<std::mutex> const lock(mutex_);
        return failed_;
    }
    void set_failed(std::string path) {
        std::lock_guard<std::mutex> const lock(mutex_);
        failed_ = std::move(path);
    }

private:
    std::string directory_;
    std::vector<std::int32_t> entries_;
    std::vector<std::int64_t> offsets_, lengths_;
    // Below the directory, one after the other.
    std::string paths_;
    std::vector<std::size_t> path_ends_;
    std::unordered_map<int, std::string> renamed_;
    mutable std::mutex mutex_;
    std::string failed_;
};

}
