internal import CLibtorrent
public import SwarmCore

/// Which peers a session deals with, and how, by their addresses.
public struct PeerRules: Sendable, Hashable {
    /// Peers that are preferred when the upload limit is reached.
    public var near: [IPPrefix]
    /// Peers that have limits of their own. Where a near and a far prefix hold an address, the longer one decides; see
    /// `networks` for what is not a prefix.
    public var far: [IPPrefix]
    /// Peers that are not connected.
    public var block: [IPPrefix]
    /// When it is not empty, only these are connected, and of these none that `block` holds.
    public var allow: [IPPrefix]
    /// Autonomous systems and countries in any of the lists, by their addresses. Of near and far, a prefix decides over an
    /// autonomous system, that over a country, and a country over prefixes of all addresses (`0.0.0.0/0`, `::/0`).
    public var networks: [NamedNetworks] = []
    /// By how much near peers are preferred, 1 to 255; all others have 1.
    public var nearUploadPriority: Int
    /// Bytes per second that all far peers get together; 0 for no limit.
    public var farUploadLimit: Int
    /// Bytes per second that all far peers give together; 0 for no limit.
    public var farDownloadLimit: Int

    /// Rules for nobody, unless given.
    public init(
        near: [IPPrefix] = [], far: [IPPrefix] = [], block: [IPPrefix] = [], allow: [IPPrefix] = [],
        nearUploadPriority: Int = 1, farUploadLimit: Int = 0, farDownloadLimit: Int = 0
    ) {
        self.near = near
        self.far = far
        self.block = block
        self.allow = allow
        self.nearUploadPriority = nearUploadPriority
        self.farUploadLimit = farUploadLimit
        self.farDownloadLimit = farDownloadLimit
    }

    /// Whether peers are told apart by their distance.
    public var knowsDistances: Bool { has(.near) || has(.far) }

    /// Whether a list says anything.
    public func has(_ list: List) -> Bool {
        let prefixes =
            switch list {
            case .near: near
            case .far: far
            case .block: block
            case .allow: allow
            }
        return !prefixes.isEmpty || networks.contains { $0.list == list }
    }

    /// Whether there is nothing to tell libtorrent.
    var isEmpty: Bool { List.allCases.allSatisfy { !has($0) } }

    /// In the order of the shim, where the later one holds.
    var distances: [slt_distance_rule] {
        let all = (near.map { ($0, SLT_NEAR) } + far.map { ($0, SLT_FAR) }).sorted { $0.0.bits < $1.0.bits }
        let named = [NamedNetworks.Kind.country, .autonomousSystem].flatMap { kind in
            networks.filter { $0.kind == kind && ($0.list == .near || $0.list == .far) }.flatMap { networks in
                networks.prefixes.map { ($0, networks.list == .near ? SLT_NEAR : SLT_FAR) }
            }
        }
        return (all.filter { $0.0.holdsAFamily } + named + all.filter { !$0.0.holdsAFamily }).flatMap {
            prefix, distance in
            prefix.ranges.map { slt_distance_rule(range: $0, distance: distance) }
        }
    }

    /// In the order of the shim: all but the allowed, and then what is blocked.
    var accesses: [slt_access_rule] {
        let everything = IPPrefix("::/0").map { $0.ranges } ?? []
        let others = has(.allow) ? everything.map { slt_access_rule(range: $0, is_blocked: true) } : []
        func prefixes(_ list: List) -> [IPPrefix] { networks.filter { $0.list == list }.flatMap(\.prefixes) }
        return others
            + (allow + prefixes(.allow)).flatMap(\.ranges).map { slt_access_rule(range: $0, is_blocked: false) }
            + (block + prefixes(.block)).flatMap(\.ranges).map { slt_access_rule(range: $0, is_blocked: true) }
    }

    /// A list of the rules.
    public enum List: Sendable, Hashable, CaseIterable {
        case near, far, block, allow
    }

    /// The addresses of an autonomous system, or of a country, as a database knows them.
    public struct NamedNetworks: Sendable, Hashable {
        /// What it is.
        public enum Kind: Sendable, Hashable {
            case country, autonomousSystem
        }

        /// What it is.
        public var kind: Kind
        /// As people call it: `AS64500`, `country:DE`.
        public var name: String
        /// The list that it stands in.
        public var list: List
        /// What belongs to it; none when the database knows nothing of it.
        public var prefixes: [IPPrefix]

        /// Every part given.
        public init(_ name: String, _ kind: Kind, in list: List, prefixes: [IPPrefix]) {
            self.name = name
            self.kind = kind
            self.list = list
            self.prefixes = prefixes
        }
    }
}

extension IPPrefix {
    /// Whether it is all of IPv4, or more.
    var holdsAFamily: Bool { bits == 0 || (address.isV4 && bits <= 96) }

    /// The addresses by family: a prefix of IPv6 that holds the mapped form of IPv4 holds all of IPv4.
    var ranges: [slt_address_range] {
        if address.isV4, bits >= 96 { return [Self.range(self, isV4: true)] }
        var ranges = [Self.range(self, isV4: false)]
        if contains(IPAddress(v4: 0)), let v4 = IPPrefix("0.0.0.0/0") { ranges.append(Self.range(v4, isV4: true)) }
        return ranges
    }

    private static func range(_ prefix: IPPrefix, isV4: Bool) -> slt_address_range {
        let first = prefix.address
        func rest(_ bits: Int) -> UInt64 { bits <= 0 ? .max : bits >= 64 ? 0 : .max >> UInt64(bits) }
        let last = IPAddress(high: first.high | rest(prefix.bits), low: first.low | rest(prefix.bits - 64))
        var range = slt_address_range()
        range.is_v4 = isV4
        func write(_ address: IPAddress, to place: inout some Any) {
            // Of an IPv6 block, all sixteen bytes, also where they look like a mapped IPv4 address.
            let all = [address.high, address.low].flatMap { half in
                stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
            }
            unsafe withUnsafeMutableBytes(of: &place) { bytes in
                unsafe bytes.copyBytes(from: isV4 ? all[12...] : all[...])
            }
        }
        write(first, to: &range.first)
        write(last, to: &range.last)
        return range
    }
}
