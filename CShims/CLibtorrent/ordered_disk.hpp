#pragma once
#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/settings_pack.hpp>

#include <memory>

namespace slt {

namespace lt = libtorrent;

/// libtorrent's own disk threads, answering in order where it matters.
///
/// Clearing a piece and releasing files wait for the writes that were asked for before them. In libtorrent 2.0.8 the last
/// of those writes may be answered later all the same: its thread lets the waiting job run, on another thread, before it
/// hands in its own answer. A block that is reported as written after its piece was cleared counts as there: of bad data
/// that was refused, it stays in the piece, and a piece of one block is never asked for again. And a write that failed
/// would be reported after the files were said to be released.
std::unique_ptr<lt::disk_interface> ordered_disk(
    lt::io_context& context, lt::settings_interface const& settings, lt::counters& counters);

}
