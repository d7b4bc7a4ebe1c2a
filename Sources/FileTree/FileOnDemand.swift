internal import Synchronization

/// Files that are made of others only once somebody asks for them.
public enum FileOnDemand {
    private static let turn = Mutex(())

    /// Makes the file at `path` of the content of another one. Returns whether it is there now: it is not when the other
    /// one is gone or `make` cannot use it, or when no space is left. Blocking; any number of threads.
    public static func make(_ path: String, of source: String, _ make: ([UInt8]) throws -> [UInt8]) -> Bool {
        do {
            guard let content = try FileSystem.contents(source) else { return false }
            let made = try make(content)
            try turn.withLock { _ in
                if !FileSystem.exists(path) { try FileSystem.writeAtomically(made, to: path) }
                // The other one may have gone meanwhile, and nobody would look here again.
                if !FileSystem.exists(source) { try FileSystem.remove(path) }
            }
            return true
        } catch {
            return false
        }
    }
}
