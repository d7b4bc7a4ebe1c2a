#include "CLibtorrent.h"
