internal import AddressDatabase
internal import SwarmCore
internal import TorrentEngine

/// Whom an entry of the lists in `[peers]` means.
enum PeerSelector: Hashable {
    case prefix(IPPrefix)
    case autonomousSystem(UInt32)
    /// Two capital letters.
    case country(String)

    static let rule = "\(IPPrefix.rule), an AS such as AS64500, or a country such as country:DE"

    init?(_ text: String) {
        let lower = text.lowercased()
        if lower.hasPrefix("as") {
            let digits = lower.dropFirst(2)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(digits)
            else { return nil }
            self = .autonomousSystem(number)
        } else if lower.hasPrefix("country:") {
            let code = lower.dropFirst(8)
            guard code.utf8.count == 2, code.utf8.allSatisfy({ (0x61...0x7a).contains($0) }) else { return nil }
            self = .country(code.uppercased())
        } else {
            guard let prefix = IPPrefix(text) else { return nil }
            self = .prefix(prefix)
        }
    }

    /// Nil for a prefix, which needs no database.
    var kind: PeerRules.NamedNetworks.Kind? {
        switch self {
        case .prefix: nil
        case .autonomousSystem: .autonomousSystem
        case .country: .country
        }
    }

    var name: String {
        switch self {
        case .prefix(let prefix): prefix.description
        case .autonomousSystem(let number): "AS\(number)"
        case .country(let code): "country:\(code)"
        }
    }
}

/// What databases know of the autonomous systems and countries that somebody asks for.
struct SelectedNetworks {
    /// More blocks of addresses than this would make every connection slow.
    static let limit = 500_000

    /// What was found of each, ascending and merged.
    private(set) var prefixes: [PeerSelector: [IPPrefix]] = [:]
    /// What the databases know at all.
    private(set) var kinds: Set<PeerRules.NamedNetworks.Kind> = []
    /// How many blocks there are in all.
    var count: Int { prefixes.values.reduce(0) { $0 + $1.count } }

    /// Adds what a database has of `wanted`.
    mutating func add(_ database: MaxMindDatabase, _ wanted: Set<PeerSelector>) throws(MaxMindDatabase.Failure) {
        var kinds: Set<PeerRules.NamedNetworks.Kind> = []
        let found = try database.networks { entry in
            var selectors: [PeerSelector] = []
            if let asn = entry.asn {
                kinds.insert(.autonomousSystem)
                selectors.append(.autonomousSystem(asn))
            }
            if let country = entry.country {
                kinds.insert(.country)
                selectors.append(.country(country))
            }
            return selectors.filter { wanted.contains($0) }
        }
        self.kinds.formUnion(kinds)
        for (selector, networks) in found {
            prefixes[selector] = IPPrefix.merged(networks + prefixes[selector, default: []])
        }
    }
}
