internal import CLinux

/// The C library's allocator.
public enum Allocator {
    /// Makes it give freed memory back to the system. Call it once, before any thread is started. A program that reads
    /// torrents of many megabytes now and then, and runs for months, otherwise keeps what the largest of them took.
    public static func giveBackWhatIsFreed() { swarm_bound_allocator() }

    /// Gives back what is free between what is in use, which the above does not reach. It looks at the whole heap: for the
    /// end of large works. Any thread.
    public static func trim() { swarm_trim_allocator() }
}
