internal import CLinux

/// The C library's allocator.
public enum Allocator {
    /// Makes it give freed memory back to the system. Call it once, before any thread is started. A program that reads
    /// torrents of many megabytes now and then, and runs for months, otherwise keeps what the largest of them took.
    public static func giveBackWhatIsFreed() { swarm_bound_allocator() }
}
