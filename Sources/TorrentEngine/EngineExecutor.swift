import Dispatch

/// Runs an actor on a thread of its own queue: libtorrent's getters wait for its network thread, and the end of a
/// session waits for trackers, which would take a thread of the cooperative pool away.
final class EngineExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "swarm.torrent-engine")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Unsafe because nothing proves that this executor outlives the job; the block keeps it alive.
        queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Runs `body`, which may block, on a thread that is not of the cooperative pool.
nonisolated(nonsending) func offPool<Result: Sendable>(
    _ body: @escaping @Sendable () -> Swift.Result<Result, EngineError>
) async throws(EngineError) -> Result {
    let outcome = await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: body()) }
    }
    return try outcome.get()
}
