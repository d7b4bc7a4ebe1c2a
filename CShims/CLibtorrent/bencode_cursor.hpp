#pragma once
#include <libtorrent/span.hpp>
#include <libtorrent/string_view.hpp>

#include <cstddef>

namespace slt {

/// Reads bencoded bytes in place, and never behind their end. A step for something that is not there returns false.
class BencodeCursor {
public:
    explicit BencodeCursor(libtorrent::span<char const> bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

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

    bool skip_integer() {
        if (!skip('i')) return false;
        while (at_ != end_ && *at_ != 'e') ++at_;
        return skip('e');
    }

private:
    bool is_at_digit() const { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }

    char const* at_;
    char const* end_;
};

}
