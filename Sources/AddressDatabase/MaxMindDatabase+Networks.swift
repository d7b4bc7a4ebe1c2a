internal import CMaxMindDB
public import SwarmCore

extension MaxMindDatabase.Entry {
    /// The number of the autonomous system (databases such as GeoLite2-ASN).
    public var asn: UInt32? { number("autonomous_system_number") }

    /// The country, as two capital letters (ISO 3166-1): where the address is used, else where it is registered (databases
    /// such as GeoLite2-City and GeoLite2-Country).
    public var country: String? {
        letters(text("country", "iso_code") ?? text("registered_country", "iso_code"))
    }

    /// The continent, as MaxMind's two capital letters.
    public var continent: String? { letters(text("continent", "code")) }

    private func letters(_ text: String?) -> String? {
        text.flatMap { text in
            text.utf8.count == 2 && text.utf8.allSatisfy { (0x41...0x5a).contains($0) } ? text : nil
        }
    }
}

extension MaxMindDatabase {
    /// All networks of the database that belong to something, by what they belong to, ascending and merged: `labels` says
    /// what that is, and is asked once for each of the database's records. It takes as long as reading the whole search
    /// tree does: a second for the largest.
    ///
    /// - Throws: when the tree does not lead where it should.
    public func networks<Label: Hashable>(_ labels: (Entry) -> [Label]) throws(Failure) -> [Label: [IPPrefix]] {
        var walk = NetworkWalk<Label>(self)
        try walk.visit(0, depth: 0, IPAddress(high: 0, low: 0), labels)
        return walk.found.mapValues { IPPrefix.merged($0) }
    }
}

/// One way through a search tree (maxmind.github.io/MaxMind-DB, “Binary Search Tree Section”): each node is visited once.
@safe
private struct NetworkWalk<Label: Hashable> {
    private let database: MaxMindDatabase
    /// Bits of an address: 32 in a database of IPv4 alone.
    private let bits: Int
    /// Where IPv4 begins in a tree of IPv6, 96 bits deep: other ways lead there too, which are other names for the same
    /// addresses. Nil where the tree ends before.
    private let start: UInt32?
    private let nodeCount: Int
    private var visits = 0
    /// What each record belongs to, by where it is.
    private var known: [UInt32: [Label]] = [:]
    var found: [Label: [IPPrefix]] = [:]

    init(_ database: MaxMindDatabase) {
        self.database = database
        let structure = unsafe database.structure
        unsafe bits = structure.pointee.metadata.ip_version == 4 ? 32 : 128
        let v4 = unsafe structure.pointee.ipv4_start_node
        unsafe nodeCount = Int(structure.pointee.metadata.node_count)
        start = bits == 128 && v4.netmask == 96 && (1..<nodeCount).contains(Int(v4.node_value)) ? v4.node_value : nil
    }

    /// - Parameters:
    ///   - address: the bits that lead to the node, as the first ones of an IPv6 address.
    ///   - labels: what a record belongs to.
    mutating func visit(
        _ number: UInt32, depth: Int, _ address: IPAddress, _ labels: (MaxMindDatabase.Entry) -> [Label]
    ) throws(MaxMindDatabase.Failure) {
        if let start, number == start, depth != 96 || address != IPAddress(high: 0, low: 0) { return }
        visits += 1
        guard visits <= nodeCount, depth < bits else {
            throw MaxMindDatabase.Failure(description: "its search tree has no end")
        }
        var node = unsafe MMDB_search_node_s()
        let code = unsafe MMDB_read_node(database.structure, number, &node)
        guard code == MMDB_SUCCESS else {
            throw MaxMindDatabase.Failure(description: MaxMindDatabase.message(code))
        }
        let one =
            depth < 64
            ? IPAddress(high: address.high | 1 << UInt64(63 - depth), low: address.low)
            : IPAddress(high: address.high, low: address.low | 1 << UInt64(127 - depth))
        unsafe try follow(node.left_record, node.left_record_type, node.left_record_entry, depth + 1, address, labels)
        unsafe try follow(node.right_record, node.right_record_type, node.right_record_entry, depth + 1, one, labels)
    }

    private mutating func follow(
        _ record: UInt64, _ type: UInt8, _ entry: MMDB_entry_s, _ depth: Int, _ address: IPAddress,
        _ labels: (MaxMindDatabase.Entry) -> [Label]
    ) throws(MaxMindDatabase.Failure) {
        switch Int32(type) {
        case MMDB_RECORD_TYPE_EMPTY: return
        case MMDB_RECORD_TYPE_SEARCH_NODE: try visit(UInt32(truncatingIfNeeded: record), depth: depth, address, labels)
        case MMDB_RECORD_TYPE_DATA:
            let offset = unsafe entry.offset
            let belongs = unsafe known[offset] ?? labels(MaxMindDatabase.Entry(entry: entry, owner: database))
            known[offset] = belongs
            for label in belongs { found[label, default: []] += networks(address, depth) }
        default: throw MaxMindDatabase.Failure(description: "its search tree leads nowhere")
        }
    }

    /// The network of the first `depth` bits. A database has IPv4 addresses as the lowest of IPv6, in ::/96.
    private func networks(_ address: IPAddress, _ depth: Int) -> [IPPrefix] {
        func v4(_ address: UInt64, _ depth: Int) -> IPPrefix {
            IPPrefix(IPAddress(v4: UInt32(truncatingIfNeeded: address)), bits: 96 + depth)
        }
        if bits == 32 { return [v4(address.high >> 32, depth)] }
        if depth > 96, address.high == 0, address.low >> 32 == 0 { return [v4(address.low, depth - 96)] }
        let network = IPPrefix(address, bits: depth)
        return network.contains(IPAddress(high: 0, low: 0)) ? [network, v4(0, 0)] : [network]
    }
}
