public import SwarmCore

/// How many requests each address may send: a token bucket for each, in memory of fixed size. Addresses are put into
/// buckets by a keyed hash, so a few share one; networks of IPv6 hosts (/64) always do, for a host has a whole one.
public struct AddressLimits: Sendable {
    private struct Bucket {
        var tokens: Float
        var filled: UInt32
    }

    private let rate: Float
    private let burst: Float
    private let hash: SipHash
    private var buckets: [Bucket]

    /// - Parameters:
    ///   - perSecond: requests that an address may send on and on; 0 for any number.
    ///   - burst: requests that it may send at once.
    public init(perSecond: Int, burst: Int, hash: SipHash) {
        rate = Float(perSecond)
        self.burst = Float(max(burst, perSecond))
        self.hash = hash
        buckets = Array(repeating: Bucket(tokens: self.burst, filled: 0), count: perSecond > 0 ? 1 << 15 : 0)
    }

    /// Whether another request of this address is within its limit. `now` in seconds of a steady clock.
    public mutating func admit(_ address: IPAddress, now: Int) -> Bool {
        guard !buckets.isEmpty else { return true }
        let host = address.isV4 ? address.low : 0
        let index = Int(hash.hash(address.high, host, 0) & UInt64(buckets.count - 1))
        let moment = UInt32(truncatingIfNeeded: now)
        let elapsed = Float(moment &- buckets[index].filled)
        buckets[index].filled = moment
        buckets[index].tokens = min(burst, buckets[index].tokens + elapsed * rate)
        guard buckets[index].tokens >= 1 else { return false }
        buckets[index].tokens -= 1
        return true
    }
}
