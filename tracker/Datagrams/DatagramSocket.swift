internal import CLinux
internal import Glibc
public import SwarmCore
internal import Synchronization

/// A UDP socket for a server that answers each datagram by itself, many for each system call.
///
/// What costs most in small datagrams is the way into the kernel and out again, and memory that is taken for each: here
/// up to 64 are received by one call and answered by another, in memory that is taken once.
public final class DatagramSocket: Sendable {
    private let descriptor: Int32
    private let isStopped = Atomic(false)

    /// Opens a socket and binds it. `address` is a `sockaddr_in` or `sockaddr_in6` in bytes. One that is bound to the IPv6
    /// address `::` takes IPv4 as well.
    public init(boundTo address: [UInt8]) throws(DatagramFailure) {
        let isV6 = address.count >= MemoryLayout<sockaddr_in6>.size
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(isV6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { throw DatagramFailure("socket") }
        if isV6 { try set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(0), "IPV6_V6ONLY") }
        // As much as the system allows: bursts wait there.
        try set(SOL_SOCKET, SO_RCVBUF, Int32(4 << 20), "SO_RCVBUF")
        // Whoever waits for a datagram looks again now and then whether the socket was stopped.
        try set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 1, tv_usec: 0), "SO_RCVTIMEO")
        // unsafe: the kernel reads as many bytes as there are.
        let code = unsafe address.withUnsafeBytes { bytes in
            unsafe bind(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
        guard code == 0 else { throw DatagramFailure("bind") }
    }

    /// Also when the initialiser throws: all is set by then.
    deinit { if descriptor >= 0 { close(descriptor) } }

    private func set<Value: BitwiseCopyable>(
        _ level: Int32, _ option: Int32, _ value: Value, _ name: String
    ) throws(DatagramFailure) {
        var value = value
        // unsafe: the kernel reads the value while the call lasts.
        let code = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Value>.size))
        guard code == 0 else { throw DatagramFailure("setsockopt \(name)") }
    }

    /// Answers datagrams on the calling thread, which does nothing else, until `stop()`.
    ///
    /// `answer` is given a datagram and its sender, and appends the reply to `replies`; nothing for none. A datagram of
    /// more than 2 KiB is passed over. A reply that cannot be sent is lost, as datagrams may be.
    public func serve(
        _ answer: (_ datagram: borrowing Span<UInt8>, _ sender: IPAddress, _ replies: inout [UInt8]) -> Void
    ) {
        var batch = DatagramBatch()
        var replies: [UInt8] = []
        replies.reserveCapacity(DatagramBatch.capacity * 512)
        while !isStopped.load(ordering: .relaxed) {
            let count = batch.receive(from: descriptor)
            replies.removeAll(keepingCapacity: true)
            for index in 0..<count {
                guard let sender = batch.sender(of: index) else { continue }
                let start = replies.count
                batch.withDatagram(index) { answer($0, sender, &replies) }
                if replies.count > start { batch.reply(to: index, start..<replies.count) }
            }
            batch.send(replies, from: descriptor)
        }
    }

    /// Ends `serve`, at the latest within a second.
    public func stop() {
        isStopped.store(true, ordering: .relaxed)
        // Wakes a thread that waits for a datagram.
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
