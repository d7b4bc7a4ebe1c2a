import SwarmTestSupport
import SwarmCore
import Testing

@testable import TrackerCore

struct PlaceTests {
    private func coordinates(_ latitude: Double, _ longitude: Double) throws -> Coordinates {
        try #require(Coordinates(latitude: latitude, longitude: longitude))
    }

    @Test func measuresTheGreatCircle() throws {
        // London to New York: 5,570 km.
        let distance = try coordinates(51.5074, -0.1278).distance(to: coordinates(40.7128, -74.006))
        #expect(abs(distance - 5570) < 10)
        #expect(try coordinates(10, 20).distance(to: coordinates(10, 20)) == 0)
        #expect(abs(try coordinates(0, 179).distance(to: coordinates(0, -179)) - 222) < 2)
        #expect(Coordinates(latitude: 91, longitude: 0) == nil)
    }

    @Test func nearestReasonCounts() throws {
        let berlin = Place(
            region: "eu", group: "ftp", networks: ["geant"], asn: 680, country: "DE", continent: "EU",
            coordinates: try coordinates(52.5, 13.4))
        let cases: [(Place, Distance)] = [
            (Place(region: "us", group: "ftp"), .group),
            (Place(region: "us", group: "other", networks: ["internet2", "geant"]), .network),
            (Place(region: "us", asn: 680), .autonomousSystem),
            (Place(region: "us", asn: 1, country: "DE"), .country),
            (Place(region: "eu"), .region), (Place(region: "west", continent: "EU"), .region),
            (Place(region: "x", coordinates: try coordinates(30, 31)), .reachable),
            (Place(region: "us", coordinates: try coordinates(40.7, -74)), .remote),
            (Place(region: "sa", coordinates: try coordinates(-33.4, -70.6)), .far), (Place(), .far),
        ]
        var directory = PlaceDirectory()
        let id = directory.id(of: berlin)
        for (place, distance) in cases {
            #expect(Distance(berlin, place) == distance)
            #expect(Distance(place, berlin) == distance)
            let other = directory.id(of: place)
            #expect(directory.distance(id, other) == distance)
            #expect(directory.distance(other, id) == distance)
        }
        #expect(Distance(Place(), Place()) == .region)
    }

    @Test func continentIsTheRegionUnlessNamed() {
        #expect(Place(continent: "EU").region == "EU")
        #expect(Place(region: "north", continent: "EU").region == "north")
        let completed = Place(group: "ftp").completed(by: Place(asn: 1, continent: "EU"))
        #expect(completed == Place(group: "ftp", asn: 1, continent: "EU"))
    }

    @Test func longestPrefixDecides() throws {
        let table = PrefixTable([
            (try #require(IPPrefix("192.0.2.0/24")), Place(region: "a")),
            (try #require(IPPrefix("192.0.2.128/25")), Place(region: "b")),
            (try #require(IPPrefix("2001:db8::/32")), Place(region: "c")),
        ])
        #expect(table.place(of: ip("192.0.2.1"))?.region == "a")
        #expect(table.place(of: ip("192.0.2.200"))?.region == "b")
        #expect(table.place(of: ip("2001:db8::5"))?.region == "c")
        #expect(table.place(of: ip("198.51.100.1")) == nil)
    }
}
