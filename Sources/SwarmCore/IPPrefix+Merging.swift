extension IPPrefix {
    /// The same addresses as these prefixes have together, in as few prefixes as possible, ascending. All of IPv4 stays by
    /// itself.
    public static func merged(_ prefixes: some Sequence<IPPrefix>) -> [IPPrefix] {
        var result: [IPPrefix] = []
        for prefix in prefixes.sorted(by: { ($0.address, $0.bits) < ($1.address, $1.bits) }) {
            if let last = result.last, last.bits <= prefix.bits, last.contains(prefix.address) { continue }
            result.append(prefix)
            // Two halves are a whole, which may be the half of another one.
            while result.count >= 2, let whole = result[result.count - 2].joined(with: result[result.count - 1]) {
                result.removeLast(2)
                result.append(whole)
            }
        }
        return result
    }

    /// The block whose halves these two are; nil when there is none.
    private func joined(with next: IPPrefix) -> IPPrefix? {
        guard bits == next.bits, bits > 0, address != next.address, !(address.isV4 && bits == 96) else { return nil }
        let whole = IPPrefix(address, bits: bits - 1)
        return whole.address == address && whole.contains(next.address) ? whole : nil
    }
}
