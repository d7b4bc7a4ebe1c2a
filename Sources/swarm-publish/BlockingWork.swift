import Dispatch

/// Threads for work that waits for the disk or computes for long.
enum BlockingWork {
    static let queue = DispatchQueue(label: "swarm-publish.blocking", attributes: .concurrent)
}
