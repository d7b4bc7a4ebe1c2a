internal import Dispatch
internal import Glibc

/// Tells of files that were renamed into a directory, by inotify(7).
public final class DirectoryWatch: Sendable {
    /// Something happened since the last element; what, is for the reader to find out.
    public let changes: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    /// A dispatch source may be cancelled from any thread; its Swift interface does not say so.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// Watches `directory` until the watch is cancelled or released.
    public init(_ directory: String) throws {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { throw FileError.last("watch", directory) }
        guard inotify_add_watch(descriptor, directory, UInt32(IN_MOVED_TO)) >= 0 else {
            let error = FileError.last("watch", directory)
            close(descriptor)
            throw error
        }
        (changes, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor)
        source.setEventHandler { [continuation] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while read(descriptor, &buffer, buffer.count) > 0 {}
            continuation.yield()
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
    }

    /// Ends `changes`.
    public func cancel() {
        continuation.finish()
        source.cancel()
    }

    deinit { cancel() }
}
