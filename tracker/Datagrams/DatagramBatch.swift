internal import CLinux
internal import Glibc
internal import SwarmCore

/// The memory for datagrams that are received together, and for the headers of their replies.
@safe struct DatagramBatch: ~Copyable {
    /// The most datagrams at a time.
    static let capacity = 64
    /// The most bytes of a datagram.
    private static let size = 2048

    // unsafe: all of it is taken in `init` and given back in `deinit`, and nothing of it leaves this type. The headers
    // point into the other parts, which never move.
    private let bytes: UnsafeMutableRawPointer
    private let senders: UnsafeMutablePointer<sockaddr_in6>
    private let incoming: UnsafeMutablePointer<swarm_datagram>
    private let vectors: UnsafeMutablePointer<iovec>
    private let outgoing: UnsafeMutablePointer<swarm_datagram>
    private let replyVectors: UnsafeMutablePointer<iovec>
    /// Where in the replies each one is.
    private var replies: [Range<Int>] = []

    init() {
        let capacity = Self.capacity
        unsafe bytes = .allocate(byteCount: capacity * Self.size, alignment: 16)
        unsafe senders = .allocate(capacity: capacity)
        unsafe incoming = .allocate(capacity: capacity)
        unsafe vectors = .allocate(capacity: capacity)
        unsafe outgoing = .allocate(capacity: capacity)
        unsafe replyVectors = .allocate(capacity: capacity)
        unsafe senders.initialize(repeating: sockaddr_in6(), count: capacity)
        unsafe incoming.initialize(repeating: swarm_datagram(), count: capacity)
        unsafe vectors.initialize(repeating: iovec(), count: capacity)
        unsafe outgoing.initialize(repeating: swarm_datagram(), count: capacity)
        unsafe replyVectors.initialize(repeating: iovec(), count: capacity)
        for index in 0..<capacity {
            unsafe vectors[index] = iovec(iov_base: bytes + index * Self.size, iov_len: Self.size)
            unsafe incoming[index].header.msg_iov = vectors + index
            unsafe incoming[index].header.msg_iovlen = 1
            unsafe incoming[index].header.msg_name = UnsafeMutableRawPointer(senders + index)
            unsafe outgoing[index].header.msg_iov = replyVectors + index
            unsafe outgoing[index].header.msg_iovlen = 1
        }
        replies.reserveCapacity(capacity)
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe senders.deallocate()
        unsafe incoming.deallocate()
        unsafe vectors.deallocate()
        unsafe outgoing.deallocate()
        unsafe replyVectors.deallocate()
    }

    /// Waits for datagrams. Returns how many there are; 0 when none came for a while, or when an error stood in their
    /// place: what the network says of a reply that was sent before is no reason to end.
    mutating func receive(from descriptor: Int32) -> Int {
        for index in 0..<Self.capacity {
            unsafe incoming[index].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        }
        let count = unsafe swarm_receive_datagrams(descriptor, incoming, UInt32(Self.capacity))
        // Too little memory is the one error that comes back at once.
        if count < 0, errno == ENOMEM || errno == ENOBUFS { usleep(10_000) }
        return max(0, Int(count))
    }

    /// Who sent a datagram; nil for one that was cut, and for what is no internet address.
    func sender(of index: Int) -> IPAddress? {
        let header = unsafe incoming[index].header
        guard unsafe header.msg_flags & Int32(MSG_TRUNC) == 0 else { return nil }
        let address = unsafe UnsafeRawPointer(senders + index)
        // After the family and the port of sockaddr_in(7); sockaddr_in6 has the flow's label between.
        switch unsafe (Int32(address.load(as: sa_family_t.self)), Int(header.msg_namelen)) {
        case (AF_INET, MemoryLayout<sockaddr_in>.size...):
            return IPAddress(v4: unsafe UInt32(bigEndian: address.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        case (AF_INET6, MemoryLayout<sockaddr_in6>.size...):
            return IPAddress(
                high: unsafe UInt64(bigEndian: address.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                low: unsafe UInt64(bigEndian: address.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
        default: return nil
        }
    }

    /// A datagram of the last `receive`.
    func withDatagram(_ index: Int, _ body: (borrowing Span<UInt8>) -> Void) {
        let start = index * Self.size
        let datagram = unsafe UnsafeRawBufferPointer(start: bytes + start, count: Int(incoming[index].length))
        unsafe datagram.withMemoryRebound(to: UInt8.self) { body(unsafe $0.span) }
    }

    /// Notes that a part of the replies goes to whoever sent a datagram.
    mutating func reply(to index: Int, _ range: Range<Int>) {
        unsafe outgoing[replies.count].header.msg_name = incoming[index].header.msg_name
        unsafe outgoing[replies.count].header.msg_namelen = incoming[index].header.msg_namelen
        replies.append(range)
    }

    /// Sends what was noted; `bytes` holds all replies.
    mutating func send(_ bytes: [UInt8], from descriptor: Int32) {
        guard !replies.isEmpty else { return }
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            for (index, range) in replies.enumerated() {
                // unsafe: the kernel only reads there, while the bytes are held.
                let base = unsafe UnsafeMutableRawPointer(mutating: start + range.lowerBound)
                unsafe replyVectors[index] = iovec(iov_base: base, iov_len: range.count)
            }
            var sent = 0
            while sent < replies.count {
                let rest = UInt32(replies.count - sent)
                let count = unsafe swarm_send_datagrams(descriptor, outgoing + sent, rest)
                if count < 0, errno == EINTR { continue }
                // One that cannot be sent is passed over; what is behind it goes elsewhere.
                sent += max(1, Int(count))
            }
        }
        replies.removeAll(keepingCapacity: true)
    }
}
