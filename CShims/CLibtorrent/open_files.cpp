#include "open_files.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slt {
namespace {

[[noreturn]] void fail_with(int number) { throw std::system_error(number, std::generic_category()); }

/// Makes the directory that `path` is in, and those above it.
void make_parent(std::string const& path) {
    auto const slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return;
    std::string const parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), 0777) == 0 || errno == EEXIST) return;
    if (errno != ENOENT) fail_with(errno);
    make_parent(parent);
    if (::mkdir(parent.c_str(), 0777) != 0 && errno != EEXIST) fail_with(errno);
}

}

OpenFile::~OpenFile() { ::close(descriptor); }

std::shared_ptr<OpenFile> OpenFiles::find(Key const& key, bool for_writing) {
    std::lock_guard<std::mutex> const lock(mutex_);
    auto const found = found_.find(key);
    if (found == found_.end() || (for_writing && !found->second->second->is_writable)) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
}

void OpenFiles::keep(Key const& key, std::shared_ptr<OpenFile> file) {
    // Closed after the lock is free.
    Recent dropped;
    std::lock_guard<std::mutex> const lock(mutex_);
    if (auto const found = found_.find(key); found != found_.end()) dropped.splice(dropped.end(), recent_, found->second);
    recent_.emplace_front(key, std::move(file));
    found_[key] = recent_.begin();
    if (recent_.size() <= capacity_) return;
    found_.erase(recent_.back().first);
    dropped.splice(dropped.end(), recent_, std::prev(recent_.end()));
}

void OpenFiles::release(std::uint64_t storage) {
    Recent dropped;
    std::lock_guard<std::mutex> const lock(mutex_);
    auto const begin = found_.lower_bound({storage, 0}), end = found_.lower_bound({storage + 1, 0});
    for (auto entry = begin; entry != end; ++entry) dropped.splice(dropped.end(), recent_, entry->second);
    found_.erase(begin, end);
}

std::shared_ptr<OpenFile> open_file(std::string const& path, bool for_writing, std::int64_t length) {
    int const common = O_CLOEXEC | O_NOFOLLOW;
    if (!for_writing) {
        // Only the owner may ask for no access times.
        int descriptor = ::open(path.c_str(), O_RDONLY | O_NOATIME | common);
        if (descriptor < 0 && errno == EPERM) descriptor = ::open(path.c_str(), O_RDONLY | common);
        if (descriptor < 0) fail_with(errno);
        return std::make_shared<OpenFile>(descriptor, false);
    }
    int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | common, 0666);
    if (descriptor < 0 && errno == ENOENT) {
        make_parent(path);
        descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | common, 0666);
    }
    if (descriptor < 0) fail_with(errno);
    auto file = std::make_shared<OpenFile>(descriptor, true);
    struct stat status;
    if (::fstat(descriptor, &status) != 0) fail_with(errno);
    if (status.st_size > length && ::ftruncate(descriptor, length) != 0) fail_with(errno);
    return file;
}

}
