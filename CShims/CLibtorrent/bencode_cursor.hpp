#pragma once
#include <libtorrent/span.hpp>
#include <libtorrent/string_view.hpp>

#include <cstddef>
#include <cstdint>

namespace slt {

/// Reads bencoded bytes in place, and never behind their end. A step for something that is not there returns false.
class BencodeCursor {
public:
    explicit BencodeCursor(libtorrent::span<char const> bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

    bool is_at_end() const { return at_ == end_; }
    char const* position() const { return at_; }

    bool skip(char expected) {
        if (at_ == end_ || *at_ != expected) return false;
        ++at_;
        return true;
    }

    bool read(libtorrent::string_view& result) {
        std::ptrdiff_t size = 0;
        if (!is_at_digit()) return false;
        for (; is_at_digit(); ++at_) {
            size = size * 10 + (*at_ - '0');
            if (size > end_ - at_) return false;
        }
        if (!skip(':') || size > end_ - at_) return false;
        result = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        return true;
    }

    /// An integer that is not negative, up to 2^58.
    bool read(std::int64_t& result) {
        if (!skip('i') || !is_at_digit()) return false;
        for (result = 0; is_at_digit(); ++at_) {
            result = result * 10 + (*at_ - '0');
            if (result > largest) return false;
        }
        return skip('e');
    }

    /// A value of any kind, with what it holds.
    bool skip_value(int depth = 32) {
        libtorrent::string_view text;
        if (skip('i')) {
            while (at_ != end_ && *at_ != 'e') ++at_;
            return skip('e');
        }
        bool const is_list = skip('l');
        if (!is_list && !skip('d')) return read(text);
        if (depth == 0) return false;
        while (!skip('e'))
            if ((!is_list && !read(text)) || !skip_value(depth - 1)) return false;
        return true;
    }

private:
    // A further digit does not overflow.
    static constexpr std::int64_t largest = INT64_MAX / 20;

    bool is_at_digit() const { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }

    char const* at_;
    char const* end_;
};

}
