/// An IPv4 or IPv6 address. IPv4 is held in its mapped form (RFC 4291, section 2.5.5.2), so that one host has one value
/// by whichever socket it comes.
public struct IPAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first eight bytes of the IPv6 form, big-endian.
    public let high: UInt64
    /// The last eight bytes of the IPv6 form, big-endian.
    public let low: UInt64

    /// What stands in front of an IPv4 address in its mapped form.
    private static let mapping: UInt64 = 0xffff_0000_0000

    /// From the two halves of the IPv6 form.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// From the four bytes of an IPv4 address, big-endian.
    public init(v4: UInt32) { self.init(high: 0, low: Self.mapping | UInt64(v4)) }

    /// From the 4 or 16 bytes of an address, as the network has them; nil for another count.
    public init?(bytes: some Collection<UInt8>) {
        func number(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(v4: UInt32(number(bytes)))
        case 16: self.init(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// Parses dotted decimal (`192.0.2.1`) or an IPv6 address (RFC 4291, section 2.2) without a zone; nil for others.
    public init?(_ text: some StringProtocol) {
        if let v4 = Self.v4(text) {
            self.init(v4: v4)
            return
        }
        let text = String(text)
        // The double colon stands for as many zeros as are missing.
        let sides: [[UInt16]?]
        if let gap = text.firstRange(of: "::") {
            sides = [
                Self.groups(text[..<gap.lowerBound], isEnd: false), Self.groups(text[gap.upperBound...], isEnd: true),
            ]
        } else {
            sides = [Self.groups(text[...], isEnd: true)]
        }
        let parsed = sides.compactMap { $0 }
        let missing = 8 - parsed.reduce(0) { $0 + $1.count }
        guard parsed.count == sides.count, sides.count == 2 ? missing >= 1 : missing == 0 else { return nil }
        let groups = parsed[0] + Array(repeating: 0, count: missing) + (parsed.count == 2 ? parsed[1] : [])
        func half(_ groups: ArraySlice<UInt16>) -> UInt64 { groups.reduce(0) { $0 << 16 | UInt64($1) } }
        self.init(high: half(groups[..<4]), low: half(groups[4...]))
    }

    private static func v4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            let number = part.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            // A leading zero would be octal to some.
            guard number <= 255, part.count == 1 || part.first != 0x30 else { return nil }
            address = address << 8 | UInt32(number)
        }
        return address
    }

    /// The 16-bit groups between colons; at the address's end, the last may be an IPv4 address, which counts as two.
    private static func groups(_ text: Substring, isEnd: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", maxSplits: 8, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isEnd, index == parts.count - 1, part.contains("."), let v4 = v4(part) {
                groups += [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups.count <= 8 ? groups : nil
    }

    /// Whether it is an IPv4 address.
    public var isV4: Bool { high == 0 && low >> 32 == 0xffff }

    /// The four bytes of an IPv4 address, big-endian; nil for IPv6.
    public var v4: UInt32? { isV4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// The address as the network has it: 4 bytes for IPv4, 16 for IPv6.
    public var bytes: [UInt8] {
        let all = [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
        return isV4 ? Array(all[12...]) : all
    }

    /// By the numbers, IPv4 before most of IPv6.
    public static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }

    /// Dotted decimal, or the text that RFC 5952 recommends for IPv6.
    public var description: String {
        if isV4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> $0) }
        }
        // The first of the longest runs of zeros, two groups at least, is left out.
        var gap = 0..<0
        var start = 0
        for (index, group) in (groups + [1]).enumerated() where group != 0 {
            if index - start > max(1, gap.count) { gap = start..<index }
            start = index + 1
        }
        func text(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        return gap.isEmpty
            ? text(groups[...]) : "\(text(groups[..<gap.lowerBound]))::\(text(groups[gap.upperBound...]))"
    }
}

/// A block of addresses: `192.0.2.0/24`, `2001:db8::/32`, or a single address.
public struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the block.
    public let address: IPAddress
    /// How many leading bits decide, counted in the IPv6 form: 96 more than an IPv4 prefix says.
    public let bits: Int

    /// What `init(_:)` takes, for error messages.
    public static let rule = "a prefix such as 192.0.2.0/24 or 2001:db8::/32, with no bit set beyond its length"

    /// Parses `ADDRESS/LENGTH`, or an address alone; nil for anything else, and when a bit beyond the length is set.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        var bits = 128
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let length = Int(parts[1]), length <= (address.isV4 ? 32 : 128)
            else { return nil }
            bits = address.isV4 ? length + 96 : length
        }
        self.address = address
        self.bits = bits
        guard Self.masked(address, bits) == address else { return nil }
    }

    /// The block of `bits` leading bits, counted in the IPv6 form, that holds the address.
    public init(_ address: IPAddress, bits: Int) {
        self.bits = min(max(0, bits), 128)
        self.address = Self.masked(address, self.bits)
    }

    /// The address with only its first `bits` bits.
    public static func masked(_ address: IPAddress, _ bits: Int) -> IPAddress {
        func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : bits >= 64 ? .max : ~(.max >> UInt64(bits)) }
        return IPAddress(high: address.high & mask(bits), low: address.low & mask(bits - 64))
    }

    /// Whether the address is in the block.
    public func contains(_ other: IPAddress) -> Bool { Self.masked(other, bits) == address }

    /// What `init(_:)` parses.
    public var description: String { "\(address)/\(address.isV4 ? bits - 96 : bits)" }
}
