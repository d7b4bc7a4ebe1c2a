import ConfigurationFile
import Foundation
import PlaceDatabases
import SwarmCore
import Testing
import TrackerCore

@testable import TrackerServer

struct TrackerConfigurationTests {
    @Test func readsEverything() throws {
        let configuration = try TrackerConfiguration(
            text: """
                listen = ["192.0.2.1:6969", "[2001:db8::1]:80"]
                store = "/var/lib/swarm-tracker/tracker.sqlite"
                open = true
                interval = "10m"
                min-interval = "2m"
                requests-per-second = 0
                report-freshness = "5m"
                log-level = "debug"
                [probes]
                interval = "200ms"
                per-node = "5m"
                at-once = 2
                entry-points = 1
                timeout = "10s"
                pause = "5s"
                allow-private = true
                [places]
                city = "/var/lib/GeoIP/GeoLite2-City.mmdb"
                [[place]]
                prefix = "192.0.2.0/24"
                region = "north"
                asn = 680
                country = "de"
                networks = ["geant"]
                """, file: "t.toml")
        #expect(configuration.listen == [Endpoint("192.0.2.1:6969"), Endpoint("[2001:db8::1]:80")])
        #expect(configuration.isOpen)
        #expect(configuration.limits.interval == 600 && configuration.limits.minInterval == 120)
        #expect(configuration.requestsPerSecond == 0)
        #expect(configuration.freshness == .seconds(300))
        let probes = configuration.probes
        #expect(probes.isEnabled && probes.allowsPrivate && probes.width == 2 && probes.entryPoints == 1)
        #expect(probes.interval == .milliseconds(200) && probes.perNode == .seconds(300))
        #expect(probes.timeout == .seconds(10) && probes.pause == .seconds(5))
        #expect(configuration.placeDatabases == .init(city: "/var/lib/GeoIP/GeoLite2-City.mmdb"))
        #expect(configuration.places.first?.place.region == "north")
        #expect(configuration.places.first?.place.country == "DE")
    }

    /// The file that is installed as an example, as it is, and with what it shows in comments.
    @Test(arguments: [false, true])
    func exampleIsRight(withComments: Bool) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "packaging/swarm-tracker.toml"), encoding: .utf8)
        let shown = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            withComments && line.hasPrefix("# ") && line.contains(" = ") ? line.dropFirst(2) : line
        }
        let configuration = try TrackerConfiguration(text: shown.joined(separator: "\n"), file: "swarm-tracker.toml")
        #expect(configuration.store == "/var/lib/swarm-tracker/tracker.sqlite")
        #expect(configuration.listen == [Endpoint(host: "", port: 6969)])
        #expect(configuration.limits == SwarmTable.Limits())
        #expect(configuration.requestsPerSecond == 200 && configuration.freshness == .seconds(180))
        #expect(!configuration.isOpen)
        #expect(configuration.probes == ProbeConfiguration())
        #expect(configuration.sets.map(\.upstream) == ["https://master.example.org"])
        #expect(configuration.places.map(\.place.region) == ["europe"])
        #expect(configuration.places.map(\.place.country) == [withComments ? "DE" : nil])
    }

    @Test func defaultsAreModest() throws {
        let configuration = try TrackerConfiguration(text: #"store = "/t.sqlite""#, file: "t.toml")
        #expect(configuration.listen == [Endpoint(host: "", port: 6969)])
        #expect(!configuration.isOpen)
        #expect(configuration.sets == [])
    }

    @Test(
        arguments: [
            ("", "store: missing"), ("store = \"t.sqlite\"", "t.toml:1: store: expected an absolute path"),
            ("store = \"/t\"\nintervall = \"1m\"", "t.toml:2: intervall: unknown key; did you mean “interval”?"),
            ("store = \"/t\"\ninterval = \"1s\"", "interval"),
            ("store = \"/t\"\ninterval = \"1m\"\nmin-interval = \"2m\"", "it is longer than the interval"),
            ("store = \"/t\"\n[[place]]\nprefix = \"192.0.2.1/24\"", "prefix: expected a prefix such as"),
            ("store = \"/t\"\n[[place]]\nprefix = \"192.0.2.0/24\"\ncountry = \"Germany\"", "two letters such as DE"),
            ("store = \"/t\"\n[probes]\nper-nod = \"1m\"", "probes.per-nod: unknown key; did you mean “per-node”?"),
            ("store = \"/t\"\n[probes]\ninterval = \"1ms\"", "probes.interval: expected"),
            ("store = \"/t\"\n[places]\ncity = \"x.mmdb\"", "places.city: expected an absolute path"),
            ("store = \"/t\"\nprobes = true", "probes: expected a table"),
            (
                "store = \"/t\"\n[[set]]\nname = \"debian\"\nupstream = \"ftp://x\"\nkey = \"x\"",
                "upstream: expected a URL"
            ),
            (
                "store = \"/t\"\n[[set]]\nname = \"debian\"\nupstream = \"http://x\"\nkey = \"x\"",
                "key: expected a public key"
            ),
        ])
    func saysWhatIsWrong(text: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try TrackerConfiguration(text: text, file: "t.toml") }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
