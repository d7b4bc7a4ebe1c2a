public import SwarmCore

/// Places by address: of all prefixes that hold an address, the longest decides.
public struct PrefixTable: Sendable {
    /// By the number of bits, the longest first.
    private let levels: [(bits: Int, places: [IPAddress: Place])]

    /// Of two equal prefixes, the last counts.
    public init(_ entries: [(prefix: IPPrefix, place: Place)] = []) {
        var places: [Int: [IPAddress: Place]] = [:]
        for entry in entries { places[entry.prefix.bits, default: [:]][entry.prefix.address] = entry.place }
        levels = places.sorted { $0.key > $1.key }.map { (bits: $0.key, places: $0.value) }
    }

    /// The place of an address; nil when no prefix holds it.
    public func place(of address: IPAddress) -> Place? {
        for level in levels {
            if let place = level.places[IPPrefix.masked(address, level.bits)] { return place }
        }
        return nil
    }
}
