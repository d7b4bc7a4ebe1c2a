import Mirroring
import SwarmCore
import SwarmTestSupport
import Testing
import TorrentEngine

/// Of the table `[peers]`.
struct PeersConfigurationTests: ConfigurationTests {
    @Test("peers can be near, far, blocked and allowed")
    func peers() throws {
        func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }
        let rules = try configuration(
            """
            [peers]
            near = "192.0.2.0/24"
            far = ["0.0.0.0/0", "::/0"]
            block = "198.51.100.7"
            allow = ["192.0.0.0/8", "198.51.100.0/24"]
            near-upload-priority = 10
            far-upload-limit = "1MB"
            far-download-limit = "512KiB/s"
            \(goodSet)
            """
        ).peers
        #expect(
            try rules
                == PeerRules(
                    near: [prefix("192.0.2.0/24")], far: [prefix("0.0.0.0/0"), prefix("::/0")],
                    block: [prefix("198.51.100.7")], allow: [prefix("192.0.0.0/8"), prefix("198.51.100.0/24")],
                    nearUploadPriority: 10, farUploadLimit: 1_000_000, farDownloadLimit: 524_288))
    }

    @Test(
        "what is wrong with the lists of peers is said",
        arguments: [
            ("near = \"192.0.2.1/24\"", "node.toml:2: peers.near"), ("far = [\"::/129\"]", "node.toml:2: peers.far"),
            ("block = \"example.org\"", "expected a prefix such as"), ("allow = 1", "peers.allow"),
            ("near = \"10.0.0.0/8\"\nfar = \"10.0.0.0/8\"", "10.0.0.0/8 is near already"),
            ("block = \"10.0.0.0/8\"\nallow = \"10.0.0.0/8\"", "10.0.0.0/8 is blocked already"),
            ("near-upload-priority = 2", "no peer is near"), ("far-upload-limit = \"1MB\"", "no peer is far"),
            ("near = \"::1\"\nnear-upload-priority = 256", "from 1 to 255"),
            ("far = \"::1\"\nfar-download-limit = 7", "7 bytes per second would stop all"),
            ("nearby = []", "nearby"),
        ])
    func badPeers(lines: String, expected: String) {
        let problem = problems("[peers]\n\(lines)\n\(goodSet)").joined()
        #expect(problem.contains(expected), "\(problem)")
    }

    @Test("autonomous systems and countries become the addresses that databases know")
    func placedPeers() throws {
        try #require(PlaceDatabaseWriter.isPossible, "needs libmaxmind-db-writer-perl")
        let directory = try TemporaryDirectory("databases")
        let (asn, country) = (directory["asn.mmdb"], directory["country.mmdb"])
        try PlaceDatabaseWriter.asn(["192.0.2.0/25": 64500, "192.0.2.128/25": 64500, "2001:db8::/32": 64501], to: asn)
        try PlaceDatabaseWriter.city(
            [
                "192.0.2.0/24": "country => { iso_code => 'DE' }",
                "198.51.100.0/24": "registered_country => { iso_code => 'CL' }",
            ], to: country)
        let rules = try configuration(
            """
            [peers]
            databases = ["\(asn)", "\(country)"]
            near = ["AS64500", "203.0.113.0/24"]
            far = "country:cl"
            block = ["as64501", "AS7", "country:FR"]
            \(goodSet)
            """
        ).peers
        func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }
        #expect(try rules.near == [prefix("203.0.113.0/24")])
        #expect(
            try rules.networks == [
                .init("AS64500", .autonomousSystem, in: .near, prefixes: [prefix("192.0.2.0/24")]),
                .init("country:CL", .country, in: .far, prefixes: [prefix("198.51.100.0/24")]),
                .init("AS64501", .autonomousSystem, in: .block, prefixes: [prefix("2001:db8::/32")]),
                .init("AS7", .autonomousSystem, in: .block, prefixes: []),
                .init("country:FR", .country, in: .block, prefixes: []),
            ])

        func expect(_ lines: String, _ expected: String, sourceLocation: SourceLocation = #_sourceLocation) {
            let problem = problems("[peers]\n\(lines)\n\(goodSet)").joined()
            #expect(problem.contains(expected), "\(problem)", sourceLocation: sourceLocation)
        }
        let advice =
            "needs a database of autonomous systems, such as databases = [\"/var/lib/GeoIP/GeoLite2-ASN.mmdb\"]"
        expect("near = \"AS64500\"", "node.toml:2: peers.near: AS64500 \(advice)")
        expect("near = \"AS64500\"\ndatabases = \"\(country)\"", "AS64500 \(advice)")
        expect(
            "allow = \"country:DE\"\ndatabases = \"\(asn)\"", "peers.allow: country:DE needs a database of countries")
        expect("near = \"::1\"\ndatabases = \"\(asn)\"", "no list names an AS or a country")
        expect(
            "near = \"AS1\"\ndatabases = \"\(asn).gone\"",
            "asn.mmdb.gone cannot be used as a database of addresses: No such")
        expect("near = \"AS1\"\ndatabases = \"asn.mmdb\"", "expected an absolute path of a database")
        expect("near = \"AS1\"\nfar = \"as01\"\ndatabases = \"\(asn)\"", "AS1 is near already")
        for text in ["AS", "ASx", "AS-1", "AS4294967296", "country:", "country:Germany", "country:D1", "DE"] {
            expect("block = \"\(text)\"", "an AS such as AS64500, or a country such as country:DE")
        }
    }
}
