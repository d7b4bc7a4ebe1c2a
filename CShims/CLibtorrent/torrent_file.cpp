#include "torrent_file.hpp"

#include "bencode_cursor.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/hasher.hpp>
#include <libtorrent/torrent_flags.hpp>

namespace slt {
namespace {

/// Bounds on what a hostile torrent can make us allocate.
std::size_t const max_torrent_size = 256 * 1024 * 1024;
int const max_pieces = 8'000'000;
/// What libtorrent can count (BEP 3 has no bound).
std::int64_t const max_content = (std::int64_t(1) << 48) - 1;
/// libtorrent takes no file of 16 TiB. A power of two, hence a multiple of nearly every length that a piece may have.
std::int64_t const longest_file = std::int64_t(1) << 40;
/// piece_picker's bound; a torrent above it would be added and then stand still.
int const max_blocks_per_piece = (1 << 15) - 1;
int const block = 16 * 1024;

struct Refusal {
    slt_code code;
    std::string message;
};

[[noreturn]] void refuse(std::string message, slt_code code = SLT_BAD_TORRENT) { throw Refusal{code, std::move(message)}; }

void require(bool holds, char const* message) {
    if (!holds) refuse(message);
}

/// A name that stays where it is put.
void check_element(lt::string_view name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != lt::string_view::npos
        || name.find('\0') != lt::string_view::npos)
        refuse("a file would land elsewhere, by the name “" + std::string(name) + "” in its path", SLT_HOSTILE_NAMES);
}

/// What a torrent says of its content.
///
/// libtorrent's own reading takes most of the time that a large torrent costs it, and most of its memory: a value for each
/// file, and a search among all directories for each. Of the files it needs none but to find them on a disk, which TreeDisk
/// does. So it is shown the pieces alone.
struct Content {
    lt::string_view pieces;
    std::int64_t piece_length = 0, size = 0;
    bool is_private = false;
    std::shared_ptr<TorrentFiles> files = std::make_shared<TorrentFiles>();

    /// The next entry of the torrent's list that has a length: a file, or padding.
    void add(int entry, bool is_file, std::int64_t length, lt::string_view path) {
        require(length >= 0 && length <= max_content - size, "the length of a file is missing or too large");
        if (is_file && length > 0) files->add(entry, size, length, {path.data(), path.size()});
        size += length;
    }

    slt_torrent torrent(lt::sha1_hash const& info_hash) const {
        if (piece_length <= 0 || piece_length % block != 0 || piece_length / block > max_blocks_per_piece)
            refuse("its piece length is not a multiple of 16 KiB below 512 MiB");
        auto const piece_count = (size + piece_length - 1) / piece_length;
        require(size > 0 && size <= max_content && piece_count <= max_pieces, "it has no content, or too much");
        require(static_cast<std::int64_t>(pieces.size()) == piece_count * 20, "it has too few or too many hashes of pieces");

        std::string const text = pieces_alone();
        slt_torrent result;
        lt::load_torrent_limits limits;
        limits.max_buffer_size = static_cast<int>(text.size());
        limits.max_pieces = max_pieces;
        limits.max_decode_tokens = static_cast<int>(text.size());
        result.info = std::make_shared<lt::torrent_info>(
            lt::span<char const>(text.data(), static_cast<std::ptrdiff_t>(text.size())), limits, lt::from_span);
        // The torrent's own, and not that of what libtorrent was shown. It is a reference into an object that is not
        // const, hence may be written through; nothing has been told of the torrent yet.
        const_cast<lt::info_hash_t&>(result.info->info_hashes()).v1 = info_hash;
        files->close();
        result.files = files;
        return result;
    }

private:
    /// A torrent with the same pieces, whose files are the stretches that are not padding: libtorrent asks for no block
    /// that is padding. (It knows only padding up to the end of a piece as such.)
    std::string pieces_alone() const {
        std::string text = "d4:infod5:filesl";
        std::int64_t begin = 0;
        int number = 0;
        auto const add = [&](std::int64_t size, bool is_pad) {
            for (std::int64_t length; size > 0; size -= length) {
                length = std::min(size, longest_file);
                // Each its own name: libtorrent compares all files of one name with each other.
                auto const name = std::to_string(number++);
                text += is_pad ? "d4:attr1:p6:lengthi" : "d6:lengthi";
                text += std::to_string(length) + "e4:pathl" + std::to_string(name.size()) + ':' + name + "ee";
            }
        };
        files->for_each_gap(size, [&](std::int64_t from, std::int64_t to) {
            if (to % piece_length != 0 && to != size) return;
            add(from - begin, false);
            add(to - from, true);
            begin = to;
        });
        add(size - begin, false);
        // Not the torrent's own name: libtorrent takes whole directories for padding by theirs.
        text += "e4:name1:t12:piece lengthi" + std::to_string(piece_length) + "e6:pieces" + std::to_string(pieces.size()) + ':';
        text.append(pieces.data(), pieces.size());
        text += is_private ? "7:privatei1eee" : "ee";
        return text;
    }
};

/// Reads a `.torrent` (BEP 3, BEP 47) in one pass.
class Reader {
public:
    explicit Reader(lt::span<char const> bytes) : cursor_(bytes) {}

    slt_torrent read() {
        lt::span<char const> info;
        require(cursor_.skip('d'), "it is no dictionary");
        lt::string_view key;
        while (!cursor_.skip('e')) {
            require(cursor_.read(key), "it ends early, or a key is no string");
            refuse_key(key);
            auto const* const begin = cursor_.position();
            if (key == "info" && info.empty()) {
                read_info();
                info = {begin, cursor_.position() - begin};
            } else {
                require(cursor_.skip_value(), "it ends early, or is no bencoding");
            }
        }
        require(cursor_.is_at_end(), "something follows it");
        require(!info.empty(), "it has no info dictionary");
        return content_.torrent(lt::hasher(info).final());
    }

private:
    static void refuse_key(lt::string_view key) {
        // BEP 38: libtorrent 2.0.8 links the wrong files.
        if (key == "similar" || key == "collections")
            refuse("it refers to others by the key " + std::string(key), SLT_UNSUPPORTED_TORRENT);
    }

    void read_info() {
        lt::string_view key;
        std::int64_t length = -1, is_private = 0;
        bool has_files = false;
        require(cursor_.skip('d'), "its info is no dictionary");
        while (!cursor_.skip('e')) {
            bool is_sound = true;
            require(cursor_.read(key), "a key of its info dictionary is no string");
            refuse_key(key);
            if (key == "meta version" || key == "file tree") refuse("it is not of version 1", SLT_UNSUPPORTED_TORRENT);
            if (key == "ssl-cert") refuse("it is an SSL torrent", SLT_UNSUPPORTED_TORRENT);
            if (key == "files" && !has_files) {
                has_files = true;
                read_files();
            } else if (key == "name") {
                is_sound = cursor_.read(name_);
            } else if (key == "piece length") {
                is_sound = cursor_.read(content_.piece_length);
            } else if (key == "length") {
                is_sound = cursor_.read(length);
            } else if (key == "pieces") {
                is_sound = cursor_.read(content_.pieces);
            } else if (key == "private") {
                is_sound = cursor_.read(is_private);
            } else {
                is_sound = cursor_.skip_value();
            }
            require(is_sound, "its info dictionary is not what BEP 3 says");
        }
        content_.is_private = is_private != 0;
        check_element(name_);
        if (has_files) {
            content_.files->put_into(std::string(name_));
        } else {
            require(length >= 0, "it has neither files nor a length");
            content_.add(entry_, true, length, name_);
        }
    }

    void read_files() {
        require(cursor_.skip('l'), "its files are no list");
        for (; !cursor_.skip('e'); ++entry_) read_file();
    }

    void read_file() {
        bool is_pad = false, is_link = false;
        std::int64_t length = -1;
        lt::string_view key, attributes;
        path_.clear();
        require(cursor_.skip('d'), "an entry of its files is no dictionary");
        while (!cursor_.skip('e')) {
            bool is_sound = true;
            require(cursor_.read(key), "a key of an entry of its files is no string");
            // As everybody here reads it: the keys name.utf-8 and path.utf-8, which no specification has, say nothing.
            if (key == "length") {
                is_sound = cursor_.read(length);
            } else if (key == "path") {
                is_sound = read_path();
            } else if (key == "attr") {
                is_sound = cursor_.read(attributes);
                is_pad = attributes.find('p') != lt::string_view::npos;
                is_link = attributes.find('l') != lt::string_view::npos;
            } else {
                is_sound = cursor_.skip_value();
            }
            require(is_sound, "an entry of its files is not what BEP 3 says");
        }
        // A link has no content, whatever is said of its length (BEP 47).
        if (is_link) return;
        require(is_pad || !path_.empty(), "a file has no path");
        content_.add(entry_, !is_pad, length, {path_.data(), path_.size()});
    }

    bool read_path() {
        path_.clear();
        lt::string_view element;
        if (!cursor_.skip('l')) return false;
        while (!cursor_.skip('e')) {
            if (!cursor_.read(element)) return false;
            check_element(element);
            if (!path_.empty()) path_ += '/';
            path_.append(element.data(), element.size());
        }
        return !path_.empty();
    }

    BencodeCursor cursor_;
    lt::string_view name_;
    int entry_ = 0;
    std::string path_;
    Content content_;
};

slt_torrent torrent_of(slt_outline const& outline) {
    Content content;
    content.pieces = {reinterpret_cast<char const*>(outline.pieces), outline.pieces_size};
    content.piece_length = outline.piece_length;
    content.is_private = outline.is_private;
    check_element(outline.name);
    content.files->put_into(outline.name);
    auto const* const paths = reinterpret_cast<char const*>(outline.paths);
    auto const path_end = outline.path_starts[outline.entry_count];
    content.files->reserve(outline.entry_count, path_end);
    for (std::size_t entry = 0; entry < outline.entry_count; ++entry) {
        auto const begin = outline.path_starts[entry], end = outline.path_starts[entry + 1];
        require(begin <= end && end <= path_end, "the paths of its files are not in order");
        content.add(static_cast<int>(entry), outline.is_file[entry], outline.lengths[entry], {paths + begin, end - begin});
    }
    return content.torrent(hash_of(outline.info_hash));
}

/// The handle of the torrent that `read` returns; null where it refuses it.
template <typename Read>
slt_torrent* handle_of(slt_code* code, slt_error* error, Read&& read) {
    std::unique_ptr<slt_torrent> result;
    *code = guarded(error, SLT_BAD_TORRENT, [&]() -> slt_code {
        try {
            result = std::make_unique<slt_torrent>(read());
            return SLT_OK;
        } catch (Refusal const& refusal) {
            return fail(error, refusal.code, "the torrent cannot be used: " + refusal.message);
        }
    });
    return result.release();
}

}

lt::add_torrent_params parameters(slt_torrent& torrent, char const* save_path) {
    lt::add_torrent_params result;
    result.trackers = std::move(torrent.trackers);
    // Each in a tier of its own: of one tier, libtorrent waits with those that fail until it is the turn of one that works.
    for (int tier = 0; tier < static_cast<int>(result.trackers.size()); ++tier) result.tracker_tiers.push_back(tier);
    result.peers = std::move(torrent.peers);
    result.ti = std::move(torrent.info);
    result.save_path = save_path;
    result.storage_mode = lt::storage_mode_sparse;
    // No files are looked at, and none is made. Paused: libtorrent dials the peers that it knows at once when a torrent is
    // resumed, and with the next of its ticks, one second apart, when it is merely added.
    result.flags = lt::torrent_flags::duplicate_is_error | lt::torrent_flags::apply_ip_filter
        | lt::torrent_flags::disable_dht | lt::torrent_flags::disable_lsd | lt::torrent_flags::override_trackers
        | lt::torrent_flags::override_web_seeds | lt::torrent_flags::no_verify_files | lt::torrent_flags::paused;
    return result;
}

slt_code endpoint_of(char const* host, uint16_t port, lt::tcp::endpoint& result, slt_error* error) {
    lt::error_code ec;
    auto const address = lt::make_address(std::string(host), ec);
    if (ec || port == 0)
        return fail(error, SLT_BAD_ADDRESS, std::string(host) + " with port " + std::to_string(port) + " is no peer");
    result = {address, port};
    return SLT_OK;
}

void mark_padding(slt_torrent const& torrent, uint8_t* have) {
    auto const& info = *torrent.info;
    int64_t const length = info.piece_length(), size = info.total_size();
    torrent.files->for_each_gap(size, [&](int64_t begin, int64_t end) {
        int64_t const last = end == size ? info.num_pieces() : end / length;
        for (int64_t piece = (begin + length - 1) / length; piece < last; ++piece) set_bit(have, static_cast<int>(piece));
    });
}

}

using namespace slt;

size_t slt_sizeof_hasher(void) { return sizeof(lt::hasher); }

slt_torrent* slt_torrent_parse(uint8_t const* bytes, size_t size, slt_code* code, slt_error* error) {
    return handle_of(code, error, [&] {
        require(bytes != nullptr && size > 0 && size <= max_torrent_size, "it is empty or larger than 256 MiB");
        return Reader({reinterpret_cast<char const*>(bytes), static_cast<std::ptrdiff_t>(size)}).read();
    });
}

slt_torrent* slt_torrent_make(slt_outline const* outline, slt_code* code, slt_error* error) {
    return handle_of(code, error, [&] { return torrent_of(*outline); });
}

void slt_torrent_free(slt_torrent* torrent) { delete torrent; }

int32_t slt_torrent_piece_count(slt_torrent const* torrent) { return torrent->info->num_pieces(); }

void slt_torrent_rename(slt_torrent* torrent, int32_t file, char const* path) {
    guarded(0, [&] {
        torrent->files->rename(file, path);
        return 0;
    });
}

void slt_torrent_add_tracker(slt_torrent* torrent, char const* url) {
    guarded(0, [&] {
        torrent->trackers.emplace_back(url);
        return 0;
    });
}

slt_code slt_torrent_add_peer(slt_torrent* torrent, char const* host, uint16_t port, slt_error* error) {
    return guarded(error, SLT_BAD_ADDRESS, [&]() -> slt_code {
        lt::tcp::endpoint peer;
        if (auto const refused = endpoint_of(host, port, peer, error); refused != SLT_OK) return refused;
        torrent->peers.push_back(peer);
        return SLT_OK;
    });
}
