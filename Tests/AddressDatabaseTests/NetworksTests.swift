import AddressDatabase
import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

/// The networks of a database, by what they belong to.
struct NetworksTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        try #require(PlaceDatabaseWriter.isPossible, "needs libmaxmind-db-writer-perl")
        directory = try TemporaryDirectory("networks")
        path = directory["a.mmdb"]
    }

    @Test func listsBothFamiliesMerged() throws {
        try PlaceDatabaseWriter.asn(
            [
                "192.0.2.0/25": 680, "192.0.2.128/25": 680, "192.0.3.0/24": 680, "198.51.100.7/32": 680,
                "198.51.100.0/30": 1299, "2001:db8::/33": 680, "2001:db8:8000::/33": 680, "2001:db9::/48": 1299,
                "0.0.0.0/8": 7,
            ], to: path)
        let networks = try MaxMindDatabase(path: path).networks { $0.asn.map { [$0] } ?? [] }
            .mapValues { $0.map(\.description) }
        #expect(networks[680] == ["192.0.2.0/23", "198.51.100.7/32", "2001:db8::/32"])
        #expect(networks[1299] == ["198.51.100.0/30", "2001:db9::/48"])
        #expect(networks[7] == ["0.0.0.0/8"])
        #expect(networks.count == 3)
    }

    @Test func asksOncePerRecord() throws {
        let germany = "country => { iso_code => 'DE' }"
        try PlaceDatabaseWriter.city(
            Dictionary(uniqueKeysWithValues: (0..<100).map { ("10.\($0 * 2).0.0/16", germany) }), to: path)
        var asked = 0
        let networks = try MaxMindDatabase(path: path).networks { entry in
            asked += 1
            return entry.country.map { [$0] } ?? []
        }
        #expect(asked == 1 && networks["DE"]?.count == 100)
    }

    /// A record that covers the whole tree of IPv6 covers IPv4 as well.
    @Test func wideNetworksHoldIPv4() throws {
        try PlaceDatabaseWriter.asn(["::/1": 5], to: path)
        let networks = try MaxMindDatabase(path: path).networks { $0.asn.map { [$0] } ?? [] }
        #expect(networks[5]?.contains { $0.contains(IPAddress(v4: 0xc000_0201)) } == true)
    }

    /// Every address has the place that a look-up finds.
    @Test func agreesWithLookUps() throws {
        var random = SeededRandom(seed: 12)
        var networks: [String: Int] = [:]
        for _ in 0..<200 {
            let bits = Int(random.next() % 17) + 12
            let address = IPAddress(v4: UInt32(truncatingIfNeeded: random.next()))
            networks["\(IPPrefix(address, bits: 96 + bits))"] = Int(random.next() % 5) + 1
        }
        try PlaceDatabaseWriter.asn(networks, to: path)
        let database = try MaxMindDatabase(path: path)
        let listed = try database.networks { $0.asn.map { [$0] } ?? [] }
        var hits = 0
        for _ in 0..<2000 {
            let address = IPAddress(v4: UInt32(truncatingIfNeeded: random.next()))
            let found = try database.withEntry(address) { $0.asn } ?? nil
            let holders = listed.filter { $0.value.contains { $0.contains(address) } }.keys
            #expect(Set(holders) == Set(found.map { [$0] } ?? []), "\(address)")
            if found != nil { hits += 1 }
        }
        #expect(hits > 0)
    }

    @Test func aDamagedTreeEnds() throws {
        try PlaceDatabaseWriter.asn(["192.0.2.0/24": 680, "2001:db8::/32": 680], to: path)
        let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        // All records lead to the first node, or anywhere.
        for filler in [UInt8(0), 0x7f, 0xff] {
            var bytes = good
            for index in 0..<700 { bytes[index] = filler }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let database = try MaxMindDatabase(path: path)
            #expect(throws: MaxMindDatabase.Failure.self) { try database.networks { _ in [1] } }
        }
    }
}
