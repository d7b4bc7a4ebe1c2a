public import SwarmCore

/// The places of addresses that announced lately, in memory of fixed size: a client announces each of its torrents, and to
/// look an address up in prefixes and databases takes longer than the rest of an answer.
public struct PlaceCache: Sendable {
    private struct Entry {
        var address: IPAddress
        var place: PlaceID
        /// Second after which it is looked up again.
        var end: Int
    }

    /// Seconds for which a place is believed: databases may be replaced.
    private static let lifetime = 60
    private static let bits = 12
    private var entries: [Entry?] = Array(repeating: nil, count: 1 << bits)

    /// Nothing yet.
    public init() {}

    /// The place of an address, if it was looked up a short time ago. `now` in seconds of a steady clock.
    public func place(of address: IPAddress, now: Int) -> PlaceID? {
        guard let entry = entries[Self.index(address)], entry.address == address, now <= entry.end else { return nil }
        return entry.place
    }

    /// Takes a place that was looked up; another one may go for it.
    public mutating func put(_ place: PlaceID, of address: IPAddress, now: Int) {
        entries[Self.index(address)] = Entry(address: address, place: place, end: now + Self.lifetime)
    }

    private static func index(_ address: IPAddress) -> Int {
        // Fibonacci hashing: the upper bits of the product are the well-mixed ones.
        Int(((address.high &* 31 ^ address.low) &* 0x9e37_79b9_7f4a_7c15) >> UInt64(64 - bits))
    }
}
