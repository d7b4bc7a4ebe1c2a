public import SwarmCore

extension IPAddress {
    /// Whether it is an address of the public Internet: not private, loopback, link-local, multicast, reserved, nor one
    /// that carries another address inside (IANA's registries of special-purpose addresses, RFC 6890).
    public var isPublic: Bool {
        isV4 ? !Self.special.contains { $0.contains(self) } : Self.global.contains(self) && !isSpecialV6
    }

    private var isSpecialV6: Bool { Self.specialV6.contains { $0.contains(self) } }

    private static let special = prefixes([
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    ])

    /// All that is assigned as global unicast.
    private static let global = prefixes(["2000::/3"])[0]

    /// In it: protocol assignments with Teredo, documentation, 6to4.
    private static let specialV6 = prefixes(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"])

    private static func prefixes(_ texts: [String]) -> [IPPrefix] {
        texts.map { text in
            guard let prefix = IPPrefix(text) else { preconditionFailure("\(text) is no prefix") }
            return prefix
        }
    }
}
