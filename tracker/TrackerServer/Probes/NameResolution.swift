internal import Glibc
internal import SwarmCore

/// The addresses of host names.
enum NameResolution {
    /// All addresses, in the order of preference; a text that is an address is its own. Blocks for as long as the
    /// resolver does.
    static func addresses(of name: String) throws(TrackerError) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else { throw TrackerError(.node, String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let info = next?.pointee {
            let size = Int(info.ai_addrlen)
            if let pointer = info.ai_addr {
                let bytes = Array(UnsafeRawBufferPointer(start: pointer, count: size))
                // After the family and the port of sockaddr_in(7); sockaddr_in6 has the flow's label between.
                let range = info.ai_family == AF_INET ? 4..<8 : 8..<24
                if bytes.count >= range.upperBound, let address = IPAddress(bytes: bytes[range]),
                    !addresses.contains(address)
                {
                    addresses.append(address)
                }
            }
            next = info.ai_next
        }
        return addresses
    }
}
