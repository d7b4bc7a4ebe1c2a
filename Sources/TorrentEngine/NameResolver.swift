import Glibc

/// Turns host names into addresses by way of the system, and remembers them for a few minutes.
struct NameResolver {
    private struct Entry {
        let address: String
        let expires: ContinuousClock.Instant
    }

    private static let lifetime: Duration = .seconds(300)
    private var entries: [String: Entry] = [:]

    /// The remembered address of `host`, unless it is too old.
    func remembered(_ host: String) -> String? {
        guard let entry = entries[host], entry.expires > .now else { return nil }
        return entry.address
    }

    /// Remembers `address` for `host`.
    mutating func remember(_ host: String, _ address: String) {
        entries[host] = Entry(address: address, expires: .now + Self.lifetime)
    }

    /// Asks the system for the first address of `host`, in numeric form. Does not block the cooperative pool.
    static func resolve(_ host: String) async throws(EngineError) -> String {
        try await offPool { lookUp(host) }
    }

    private static func lookUp(_ host: String) -> Result<String, EngineError> {
        // Zeros, hence null pointers.
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        // The list is freed below and not used afterwards.
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0, let first = unsafe list else {
            let reason = unsafe String(cString: gai_strerror(status))
            return .failure(EngineError(.badAddress, "cannot resolve “\(host)”: \(reason)", nativeCode: status))
        }
        defer { unsafe freeaddrinfo(first) }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let converted = unsafe getnameinfo(
            first.pointee.ai_addr, first.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard converted == 0 else {
            return .failure(EngineError(.badAddress, "“\(host)” has no numeric address", nativeCode: converted))
        }
        return .success(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
}
