#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace slt {

/// A file descriptor that is closed with the last reference to it.
class OpenFile {
public:
    OpenFile(int descriptor, bool is_writable) : descriptor(descriptor), is_writable(is_writable) {}
    ~OpenFile();
    OpenFile(OpenFile const&) = delete;

    int const descriptor;
    bool const is_writable;
};

/// The files that were used last, kept open. Thread-safe.
class OpenFiles {
public:
    /// A storage's number, and the file's in it.
    using Key = std::pair<std::uint64_t, int>;

    explicit OpenFiles(std::size_t capacity) : capacity_(capacity) {}

    std::shared_ptr<OpenFile> find(Key const& key, bool for_writing);
    void keep(Key const& key, std::shared_ptr<OpenFile> file);
    /// Lets go of all files of a storage.
    void release(std::uint64_t storage);

private:
    using Recent = std::list<std::pair<Key, std::shared_ptr<OpenFile>>>;

    std::size_t const capacity_;
    std::mutex mutex_;
    // The one used last in front.
    Recent recent_;
    std::map<Key, Recent::iterator> found_;
};

/// Opens a file, or throws a std::system_error. For writing, it is made when it is not there, with its directories, and cut
/// when it is longer than `length` bytes.
std::shared_ptr<OpenFile> open_file(std::string const& path, bool for_writing, std::int64_t length);

}
