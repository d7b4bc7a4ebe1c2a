import Dispatch

/// Threads for work that waits for the disk or computes for long.
enum BlockingWork {
    static let queue = DispatchQueue(label: "swarm-publish.blocking", attributes: .concurrent)
}

/// Runs `body`, which blocks, on a thread that is not of the cooperative pool.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        BlockingWork.queue.async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
