internal import GRDB
internal import Logging
internal import AsyncHTTPClient
internal import TOMLKit
internal import NIOCore
internal import NIOHTTP1
