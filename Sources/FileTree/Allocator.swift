internal import CLinux

/// The C library's allocator.
public enum Allocator {
    /// Bounds what it keeps of freed memory. Call it once, before any thread is started. A program that reads torrents of
    /// many megabytes now and then, and runs for months, otherwise keeps what the largest of them took.
    public static func boundWhatIsKept() { swarm_bound_allocator() }

    /// Gives back all that is free. It looks at the whole heap: for the end of large works. Any thread.
    public static func trim() { swarm_trim_allocator() }
}
