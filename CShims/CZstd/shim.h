// libzstd: compression of torrents, and bounded decompression.
#pragma once
#include <zstd.h>
#include <zstd_errors.h>
