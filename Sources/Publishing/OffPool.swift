internal import Dispatch

/// Threads for what blocks.
private let blockingQueue = DispatchQueue(label: "publishing.blocking", attributes: .concurrent)

/// Runs `body`, which blocks, on a thread that is not of the cooperative pool.
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        blockingQueue.async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
