public import SwarmCore

/// The connection ids of UDP (BEP 15): what proves that a client receives at the address that it sends from. Nothing is
/// stored for one; an id is a keyed hash of the address and of the present window of time.
public struct ConnectionIDs: Sendable {
    /// Seconds of a window. An id is good in the window of its making and in the next one, so for two to four minutes.
    public static let window = 120

    private let hash: SipHash

    /// With a hash whose key nobody else has.
    public init(hash: SipHash) { self.hash = hash }

    /// The id of an address. `now` in seconds of any steady clock, always the same one.
    public func id(of address: IPAddress, now: Int) -> UInt64 { id(of: address, window: now / Self.window) }

    /// Whether the id was given to this address a short time ago.
    public func isValid(_ id: UInt64, of address: IPAddress, now: Int) -> Bool {
        let window = now / Self.window
        return id == self.id(of: address, window: window) || id == self.id(of: address, window: window - 1)
    }

    private func id(of address: IPAddress, window: Int) -> UInt64 {
        hash.hash(address.high, address.low, UInt64(bitPattern: Int64(window)))
    }
}
