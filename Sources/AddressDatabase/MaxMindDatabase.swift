internal import CLinux
internal import CMaxMindDB
internal import Glibc
public import SwarmCore

// @unchecked: see above; the pointer is set once, and freed in `deinit`.
// @safe: no pointer is handed out.
/// A database of MaxMind's format 2.0, read into memory: what happens to the file afterwards does not matter. (Mapped
/// as the library does it, a file that is cut short would end the process at the next look-up.)
///
/// The only owner of the library's structure, which stays where it is because its entries point to it. It is not changed
/// once it is open, and the library lets any number of threads look up at once.
@safe public final class MaxMindDatabase: @unchecked Sendable {
    let structure: UnsafeMutablePointer<MMDB_s>
    /// What the database says it is, such as `GeoLite2-City`.
    public let type: String
    /// When it was made, in seconds since 1970.
    public let built: UInt64

    /// A database of more bytes than this is refused.
    private static let sizeLimit = 1 << 30

    /// Why a file is no database, or a look-up failed.
    public struct Failure: Error, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    /// Reads a file.
    public init(path: String) throws(Failure) {
        let copy = try Self.copy(path)
        defer { close(copy) }
        // unsafe: owned from here; freed below when the library does not take it, else in `deinit`.
        let structure = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        unsafe structure.initialize(to: MMDB_s())
        let code = unsafe MMDB_open("/proc/self/fd/\(copy)", UInt32(MMDB_MODE_MMAP), structure)
        guard code == MMDB_SUCCESS else {
            unsafe structure.deallocate()
            throw Failure(description: Self.message(code))
        }
        unsafe self.structure = structure
        type = unsafe structure.pointee.metadata.database_type.map { unsafe String(cString: $0) } ?? ""
        built = unsafe structure.pointee.metadata.build_epoch
    }

    deinit {
        unsafe MMDB_close(structure)
        unsafe structure.deallocate()
    }

    /// The descriptor of a file in memory with the same content.
    private static func copy(_ path: String) throws(Failure) -> Int32 {
        func failure() -> Failure { Failure(description: unsafe String(cString: strerror(errno))) }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        let memory = unsafe swarm_memory_file("places")
        guard memory >= 0 else { throw failure() }
        var size = 0
        while true {
            let count = sendfile(memory, file, nil, 1 << 24)
            size += max(0, count)
            if count == 0 { return memory }
            if count < 0 || size > sizeLimit {
                let reason = count < 0 ? failure() : Failure(description: "it has more than \(sizeLimit) bytes")
                close(memory)
                throw reason
            }
        }
    }

    static func message(_ code: Int32) -> String {
        // unsafe: the library's texts are constants.
        unsafe MMDB_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }

    // MARK: Look-up

    // @safe: its pointer is that of the owner, which lives as long as it does.
    /// What the database has for one address.
    @safe public struct Entry {
        let entry: MMDB_entry_s
        let owner: MaxMindDatabase

        private func value(_ first: String, _ second: String?) -> MMDB_entry_data_s? {
            var data = unsafe MMDB_entry_data_s()
            let code = unsafe swarm_mmdb_value(entry, first, second, &data)
            return unsafe code == MMDB_SUCCESS ? data : nil
        }

        /// A text, by one key or by two.
        public func text(_ first: String, _ second: String? = nil) -> String? {
            guard let data = unsafe value(first, second), unsafe data.type == UInt32(MMDB_DATA_TYPE_UTF8_STRING),
                let bytes = unsafe data.utf8_string
            else { return nil }
            // unsafe: the bytes are in the database, and copied here. They end by their count.
            let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(data.data_size))
            return unsafe String(validating: buffer, as: UTF8.self)
        }

        /// A number with a fraction, by one key or by two.
        public func double(_ first: String, _ second: String? = nil) -> Double? {
            guard let data = unsafe value(first, second) else { return nil }
            switch unsafe Int32(bitPattern: data.type) {
            case MMDB_DATA_TYPE_DOUBLE: return unsafe data.double_value
            case MMDB_DATA_TYPE_FLOAT: return unsafe Double(data.float_value)
            default: return nil
            }
        }

        /// A number that is not negative, of whatever width.
        public func number(_ first: String) -> UInt32? {
            guard let data = unsafe value(first, nil) else { return nil }
            switch unsafe Int32(bitPattern: data.type) {
            case MMDB_DATA_TYPE_UINT16: return unsafe UInt32(data.uint16)
            case MMDB_DATA_TYPE_UINT32: return unsafe data.uint32
            case MMDB_DATA_TYPE_UINT64: return unsafe UInt32(exactly: data.uint64)
            default: return nil
            }
        }
    }

    /// Hands what the database has for an address to `body`; nil when it has nothing.
    public func withEntry<Result>(_ address: IPAddress, _ body: (Entry) -> Result) throws(Failure) -> Result? {
        var code = MMDB_SUCCESS
        let found: MMDB_lookup_result_s
        if let v4 = address.v4 {
            var socket = sockaddr_in()
            socket.sin_family = sa_family_t(AF_INET)
            socket.sin_addr.s_addr = v4.bigEndian
            unsafe found = withUnsafePointer(to: &socket) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe MMDB_lookup_sockaddr(structure, $0, &code)
                }
            }
        } else {
            var socket = sockaddr_in6()
            socket.sin6_family = sa_family_t(AF_INET6)
            unsafe withUnsafeMutableBytes(of: &socket.sin6_addr) { unsafe $0.copyBytes(from: address.bytes) }
            unsafe found = withUnsafePointer(to: &socket) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe MMDB_lookup_sockaddr(structure, $0, &code)
                }
            }
        }
        // A database of IPv4 addresses has nothing for others.
        if code == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR { return nil }
        guard code == MMDB_SUCCESS else { throw Failure(description: Self.message(code)) }
        guard unsafe found.found_entry else { return nil }
        return body(unsafe Entry(entry: found.entry, owner: self))
    }
}
