internal import Logging
internal import NIOCore
internal import NIOPosix

/// What all connections of a server share.
struct ServerContext: Sendable {
    var sites: SiteTable
    var responder: ContentResponder
    let documents = RecentDocuments()
    /// The threads that the responder blocks.
    var files: NIOThreadPool
    var registry: ConnectionRegistry
    var date: DateHeader
    var status: @Sendable () async -> [UInt8]
    var metrics: (@Sendable () async -> String)?
    var idleTimeout: TimeAmount
    var maxConnections: Int
    var logger: Logger
}
