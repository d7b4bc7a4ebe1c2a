#include "torrent_file.hpp"

#include "bencode_cursor.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/hasher.hpp>
#include <libtorrent/torrent_flags.hpp>

#include <unordered_set>

namespace slt {
namespace {

/// Bounds on what a hostile torrent can make us allocate: a token takes eight bytes.
lt::load_torrent_limits const limits{256 * 1024 * 1024, 8'000'000, 32, 40'000'000};
/// piece_picker's bound; a torrent above it would be added and then stand still.
int const max_blocks_per_piece = (1 << 15) - 1;

lt::string_view string_of(lt::bdecode_node const& dict, char const* preferred, char const* plain) {
    auto node = dict.dict_find_string(preferred);
    if (!node) node = dict.dict_find_string(plain);
    return node ? node.string_value() : lt::string_view{};
}

/// The path as the torrent has it; the file list is that of libtorrent, in the same order.
std::string written_path(lt::bdecode_node const& info, lt::bdecode_node const& files, int index) {
    auto const name = string_of(info, "name.utf-8", "name");
    std::string path(name.data(), name.size());
    if (!files) return path;
    auto const file = files.list_at(index);
    auto elements = file.dict_find_list("path.utf-8");
    if (!elements) elements = file.dict_find_list("path");
    for (int i = 0; elements && i < elements.list_size(); ++i) {
        path += '/';
        auto const element = elements.list_at(i).string_value();
        path.append(element.data(), element.size());
    }
    return path;
}

bool has_attribute(lt::bdecode_node const& entry, char attribute) {
    auto const attributes = entry.dict_find_string("attr");
    return attributes && attributes.string_value().find(attribute) != lt::string_view::npos;
}

slt_code check_keys(lt::bdecode_node const& root, lt::bdecode_node const& info, slt_error* error) {
    for (char const* key : {"similar", "collections"})
        if (root.dict_find(key) || info.dict_find(key))
            return fail(error, SLT_UNSUPPORTED_TORRENT, std::string("the torrent refers to others by the key ") + key);
    for (char const* key : {"meta version", "file tree"})
        if (info.dict_find(key)) return fail(error, SLT_UNSUPPORTED_TORRENT, "the torrent is not of version 1");
    if (info.dict_find("ssl-cert")) return fail(error, SLT_UNSUPPORTED_TORRENT, "the torrent is an SSL torrent");
    return SLT_OK;
}

/// Takes `/` and an element of a path from the front of `path`.
bool take_element(lt::string_view& path, lt::string_view element) {
    if (path.empty() || path.front() != '/' || !path.substr(1).starts_with(element)) return false;
    path.remove_prefix(1 + element.size());
    return true;
}

/// Whether an entry of `files` has none but the usual keys, and is padding if `pad` says so, else the file at `path` below
/// the torrent's name. When it does not seem so, it is to be looked at in full: to look each key of each entry up would be
/// a fifth of the time that a torrent of many files takes.
bool is_plainly(lt::span<char const> entry, lt::string_view path, bool pad) {
    BencodeCursor cursor(entry);
    bool named = false, attributed = false, padding = false;
    if (!cursor.skip('d')) return false;
    while (!cursor.skip('e')) {
        lt::string_view key, value;
        if (!cursor.read(key) || key == "path.utf-8") return false;
        if (key == "path") {
            if (named || !cursor.skip('l')) return false;
            named = true;
            while (!cursor.skip('e'))
                if (!cursor.read(value) || !(pad || take_element(path, value))) return false;
        } else if (key == "attr") {
            if (attributed || !cursor.read(value)) return false;
            attributed = true;
            padding = value.find('p') != lt::string_view::npos;
        } else if (!cursor.read(value) && !cursor.skip_integer()) {
            return false;
        }
    }
    return padding == pad && (pad || (named && path.empty()));
}

/// Finds the paths that libtorrent changed, and why.
slt_code compare_names(slt_torrent& torrent, lt::bdecode_node const& info, slt_error* error) {
    auto const& used = torrent.info->files();
    auto const& parsed = torrent.info->orig_files();
    auto const files = info.dict_find_list("files");
    auto const name = string_of(info, "name.utf-8", "name");
    if (files && files.list_size() != used.num_files())
        return fail(error, SLT_BAD_TORRENT, "libtorrent did not take all files of the torrent");
    for (auto const file : used.file_range()) {
        int const index = static_cast<int>(file);
        bool const pad = bool(used.file_flags(file) & lt::file_storage::flag_pad_file);
        std::string const path = pad ? std::string() : used.file_path(file);
        lt::string_view below(path);
        if (files && (pad || below.starts_with(name))) {
            if (!pad) below.remove_prefix(name.size());
            if (is_plainly(files.list_at(index).data_section(), below, pad)) continue;
        }
        std::string const written = written_path(info, files, index);
        if (pad != has_attribute(files ? files.list_at(index) : info, 'p'))
            return fail(error, SLT_HOSTILE_NAMES, "libtorrent would take this file for padding: " + written);
        if (pad) continue;
        if (path == written) continue;
        bool const collided = parsed.file_path(file) == written;
        (collided ? torrent.collided : torrent.altered).emplace(index, written);
    }
    return SLT_OK;
}

}

slt_code settle_names(slt_torrent& torrent, slt_error* error) {
    if (torrent.keeps_names)
        for (auto const& [file, path] : torrent.altered) torrent.renamed.emplace(file, path);
    for (auto const& [file, path] : torrent.altered)
        if (torrent.renamed.count(file) == 0)
            return fail(error, SLT_HOSTILE_NAMES, "libtorrent would store this file under another path: " + path);
    if (torrent.collided.empty()) return SLT_OK;
    for (auto const& [file, path] : torrent.collided) torrent.renamed.emplace(file, path);

    // Paths that differ in case only are fine here; the very same path twice, or a file where a directory is, are not.
    auto const& files = torrent.info->files();
    std::unordered_set<std::string> paths, directories;
    for (auto const file : files.file_range()) {
        if (files.file_flags(file) & lt::file_storage::flag_pad_file) continue;
        auto const renamed = torrent.renamed.find(static_cast<int>(file));
        std::string path = renamed == torrent.renamed.end() ? files.file_path(file) : renamed->second;
        if (!paths.insert(path).second) return fail(error, SLT_HOSTILE_NAMES, "two files share the path " + path);
        for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/')) {
            path.resize(slash);
            if (!directories.insert(path).second) break;
        }
    }
    for (auto const& path : paths)
        if (directories.count(path) != 0) return fail(error, SLT_HOSTILE_NAMES, "a file and a directory share the path " + path);
    return SLT_OK;
}

lt::add_torrent_params parameters(slt_torrent& torrent, char const* save_path) {
    lt::add_torrent_params result;
    for (auto& [file, path] : torrent.renamed) result.renamed_files.emplace(lt::file_index_t(file), std::move(path));
    // Neither trackers nor web seeds nor DHT nodes of the torrent count: the caller names them.
    torrent.info->clear_trackers();
    torrent.info->set_web_seeds({});
    result.trackers = std::move(torrent.trackers);
    // Each in a tier of its own: of one tier, libtorrent waits with those that fail until it is the turn of one that works.
    for (int tier = 0; tier < static_cast<int>(result.trackers.size()); ++tier) result.tracker_tiers.push_back(tier);
    result.peers = std::move(torrent.peers);
    result.ti = std::move(torrent.info);
    result.save_path = save_path;
    result.storage_mode = lt::storage_mode_sparse;
    result.flags = lt::torrent_flags::duplicate_is_error | lt::torrent_flags::apply_ip_filter
        | lt::torrent_flags::disable_dht | lt::torrent_flags::disable_lsd | lt::torrent_flags::override_trackers
        | lt::torrent_flags::override_web_seeds;
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

void mark_padding(lt::torrent_info const& info, uint8_t* have) {
    auto const& files = info.files();
    int64_t const length = info.piece_length();
    int64_t begin = 0, end = 0;
    auto const close_run = [&] {
        int64_t const last = end == files.total_size() ? info.num_pieces() : end / length;
        for (int64_t piece = (begin + length - 1) / length; piece < last; ++piece) set_bit(have, static_cast<int>(piece));
    };
    for (auto const file : files.file_range()) {
        int64_t const size = files.file_size(file);
        if (size == 0) continue;
        if (files.file_flags(file) & lt::file_storage::flag_pad_file) {
            if (begin == end) begin = files.file_offset(file);
            end = files.file_offset(file) + size;
        } else if (begin != end) {
            close_run();
            begin = end = 0;
        }
    }
    if (begin != end) close_run();
}

}

using namespace slt;

size_t slt_sizeof_hasher(void) { return sizeof(lt::hasher); }

slt_torrent* slt_torrent_parse(uint8_t const* bytes, size_t size, slt_code* code, slt_error* error) {
    std::unique_ptr<slt_torrent> result;
    *code = guarded(error, SLT_BAD_TORRENT, [&]() -> slt_code {
        if (bytes == nullptr || size == 0 || size > static_cast<size_t>(limits.max_buffer_size))
            return fail(error, SLT_BAD_TORRENT, "the torrent is empty or larger than 256 MiB");
        lt::span<char const> const buffer(reinterpret_cast<char const*>(bytes), static_cast<std::ptrdiff_t>(size));
        int position = 0;
        lt::error_code ec;
        auto const root = lt::bdecode(buffer, ec, &position, limits.max_decode_depth, limits.max_decode_tokens);
        if (ec) return fail(error, SLT_BAD_TORRENT, ec.message() + " at byte " + std::to_string(position), ec.value());
        if (root.type() != lt::bdecode_node::dict_t || !root.dict_find_dict("info"))
            return fail(error, SLT_BAD_TORRENT, "the torrent has no info dictionary");
        auto const info = root.dict_find_dict("info");
        if (auto const refused = check_keys(root, info, error); refused != SLT_OK) return refused;
        auto torrent = std::make_unique<slt_torrent>();
        torrent->info = std::make_shared<lt::torrent_info>(root, limits);
        auto const& parsed = *torrent->info;
        if (!parsed.is_valid() || !parsed.info_hashes().has_v1() || parsed.info_hashes().has_v2()
            || !parsed.ssl_cert().empty())
            return fail(error, SLT_UNSUPPORTED_TORRENT, "the torrent is not of version 1");
        if (parsed.piece_length() % 16384 != 0 || parsed.piece_length() / 16384 > max_blocks_per_piece)
            return fail(error, SLT_BAD_TORRENT, "the piece length is not a multiple of 16 KiB below 512 MiB");
        if (auto const refused = compare_names(*torrent, info, error); refused != SLT_OK) return refused;
        result = std::move(torrent);
        return SLT_OK;
    });
    return result.release();
}

void slt_torrent_free(slt_torrent* torrent) { delete torrent; }

slt_info_hash slt_torrent_info_hash(slt_torrent const* torrent) { return hash_of(torrent->info->info_hashes().v1); }
int64_t slt_torrent_piece_length(slt_torrent const* torrent) { return torrent->info->piece_length(); }
int64_t slt_torrent_total_size(slt_torrent const* torrent) { return torrent->info->total_size(); }
int32_t slt_torrent_piece_count(slt_torrent const* torrent) { return torrent->info->num_pieces(); }
int32_t slt_torrent_file_count(slt_torrent const* torrent) { return torrent->info->num_files(); }

char const* slt_torrent_file_path(slt_torrent* torrent, int32_t file) {
    return guarded("", [&] {
        torrent->path = torrent->info->files().file_path(lt::file_index_t(file));
        return torrent->path.c_str();
    });
}

int64_t slt_torrent_file_size(slt_torrent const* torrent, int32_t file) {
    return torrent->info->files().file_size(lt::file_index_t(file));
}

int64_t slt_torrent_file_offset(slt_torrent const* torrent, int32_t file) {
    return torrent->info->files().file_offset(lt::file_index_t(file));
}

bool slt_torrent_file_is_pad(slt_torrent const* torrent, int32_t file) {
    return bool(torrent->info->files().file_flags(lt::file_index_t(file)) & lt::file_storage::flag_pad_file);
}

void slt_torrent_rename(slt_torrent* torrent, int32_t file, char const* path) {
    guarded(0, [&] {
        torrent->renamed[file] = path;
        return 0;
    });
}

void slt_torrent_add_tracker(slt_torrent* torrent, char const* url) {
    guarded(0, [&] {
        torrent->trackers.emplace_back(url);
        return 0;
    });
}

void slt_torrent_keep_names(slt_torrent* torrent) { torrent->keeps_names = true; }

slt_code slt_torrent_add_peer(slt_torrent* torrent, char const* host, uint16_t port, slt_error* error) {
    return guarded(error, SLT_BAD_ADDRESS, [&]() -> slt_code {
        lt::tcp::endpoint peer;
        if (auto const refused = endpoint_of(host, port, peer, error); refused != SLT_OK) return refused;
        torrent->peers.push_back(peer);
        return SLT_OK;
    });
}
