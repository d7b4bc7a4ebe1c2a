#pragma once
#include "CLibtorrent.h"

#include <libtorrent/error_code.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace slt {

namespace lt = libtorrent;

inline slt_code fail(slt_error* error, slt_code code, std::string_view message, int native = 0) {
    std::size_t size = std::min(message.size(), sizeof(error->message) - 1);
    // Not through the middle of a UTF-8 sequence.
    while (size < message.size() && size > 0 && (static_cast<unsigned char>(message[size]) & 0xc0) == 0x80) --size;
    std::memcpy(error->message, message.data(), size);
    error->message[size] = '\0';
    error->native_code = native;
    return code;
}

/// Runs `body`, which returns an slt_code, and turns any exception into `code`.
template <typename Body>
slt_code guarded(slt_error* error, slt_code code, Body&& body) noexcept {
    try {
        return std::forward<Body>(body)();
    } catch (lt::system_error const& e) {
        return fail(error, code, e.what(), e.code().value());
    } catch (std::exception const& e) {
        return fail(error, code, e.what());
    } catch (...) {
        return fail(error, code, "unknown C++ exception");
    }
}

/// Runs `body` where nobody could be told about a failure; the result is then `otherwise`.
template <typename Result, typename Body>
Result guarded(Result otherwise, Body&& body) noexcept {
    try {
        return std::forward<Body>(body)();
    } catch (...) {
        return otherwise;
    }
}

inline lt::sha1_hash hash_of(slt_info_hash const& value) {
    return lt::sha1_hash(reinterpret_cast<char const*>(value.bytes));
}

inline slt_info_hash hash_of(lt::sha1_hash const& value) {
    slt_info_hash result;
    std::memcpy(result.bytes, value.data(), sizeof(result.bytes));
    return result;
}

inline bool bit(uint8_t const* bits, int index) { return (bits[index >> 3] & (0x80 >> (index & 7))) != 0; }
inline void set_bit(uint8_t* bits, int index) { bits[index >> 3] |= static_cast<uint8_t>(0x80 >> (index & 7)); }
inline std::size_t bytes_of_bits(int count) { return (static_cast<std::size_t>(count) + 7) / 8; }

}
