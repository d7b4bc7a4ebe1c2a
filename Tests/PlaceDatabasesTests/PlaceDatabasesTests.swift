import Foundation
import Glibc
import PlaceDatabases
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

struct PlaceDatabasesTests {
    private static let berlin = """
        country => { iso_code => 'DE' }, continent => { code => 'EU' }, location => { latitude => 52.52, longitude => 13.4 }
        """

    private let directory: TemporaryDirectory
    private let city: String
    private let asn: String

    init() throws {
        try #require(PlaceDatabaseWriter.isPossible, "needs libmaxmind-db-writer-perl")
        directory = try TemporaryDirectory("places")
        (city, asn) = (directory["city.mmdb"], directory["asn.mmdb"])
    }

    private func place(_ text: String, in databases: PlaceDatabases) throws -> Place {
        databases.place(of: try #require(IPAddress(text)))
    }

    @Test func looksUpBothFamilies() throws {
        let chile = "registered_country => { iso_code => 'CL' }, continent => { code => 'SA' }"
        try PlaceDatabaseWriter.city(
            ["192.0.2.0/24": Self.berlin, "2001:db8:1::/48": Self.berlin, "198.51.100.0/24": chile], to: city)
        try PlaceDatabaseWriter.asn(["192.0.2.0/25": 680, "2001:db8::/32": 4_200_000_000], to: asn)
        let databases = PlaceDatabases(.init(city: city, asn: asn))
        #expect(try place("192.0.2.1", in: databases) == Place())
        #expect(databases.refresh().map(\.isProblem) == [false, false])

        let germany = try place("192.0.2.1", in: databases)
        #expect(germany.country == "DE" && germany.continent == "EU" && germany.asn == 680)
        // What is called a region is the operator's affair.
        #expect(germany.region == nil)
        #expect(germany.coordinates == Coordinates(latitude: 53, longitude: 13))
        #expect(try place("192.0.2.200", in: databases).asn == nil)
        let six = try place("2001:db8:1::7", in: databases)
        #expect(six.country == "DE" && six.asn == 4_200_000_000)
        #expect(try place("198.51.100.1", in: databases).country == "CL")
        #expect(try place("203.0.113.1", in: databases) == Place())
        #expect(databases.refresh().isEmpty)
    }

    @Test func oneDatabaseIsEnough() throws {
        try PlaceDatabaseWriter.asn(["192.0.2.0/24": 680], to: asn)
        let databases = PlaceDatabases(.init(asn: asn))
        _ = databases.refresh()
        #expect(try place("192.0.2.1", in: databases) == Place(asn: 680))
    }

    @Test func readsAChangedFile() throws {
        try PlaceDatabaseWriter.asn(["192.0.2.0/24": 680], to: asn)
        let databases = PlaceDatabases(.init(asn: asn))
        _ = databases.refresh()
        try PlaceDatabaseWriter.asn(["192.0.2.0/24": 1299], to: asn)
        // At the first look it may still be growing, at the second it is the same.
        #expect(databases.refresh().isEmpty)
        #expect(try place("192.0.2.1", in: databases).asn == 680)
        #expect(databases.refresh().count == 1)
        #expect(try place("192.0.2.1", in: databases).asn == 1299)
    }

    @Test func aDamagedFileChangesNothing() throws {
        try PlaceDatabaseWriter.asn(["192.0.2.0/24": 680], to: asn)
        try "no database".write(toFile: city, atomically: true, encoding: .utf8)
        let databases = PlaceDatabases(.init(city: city, asn: asn))
        let remarks = databases.refresh().filter(\.isProblem)
        #expect(remarks.count == 1)
        #expect(remarks.first?.text.hasPrefix("\(city) cannot be used as a database of places: ") == true)
        #expect(remarks.first?.text.contains("goes on without") == true)
        #expect(try place("192.0.2.1", in: databases) == Place(asn: 680))

        // The file that was good is cut short in its place: what was read before stays.
        #expect(truncate(asn, 100) == 0)
        _ = databases.refresh()
        let cut = databases.refresh()
        #expect(cut.map(\.isProblem) == [true])
        #expect(cut.first?.text.contains("goes on with what was read before") == true)
        #expect(try place("192.0.2.1", in: databases).asn == 680)
        // It is complained of once; another one is read.
        #expect(databases.refresh().isEmpty)
        try PlaceDatabaseWriter.city(["192.0.2.0/24": Self.berlin], to: city)
        _ = databases.refresh()
        #expect(databases.refresh().map(\.isProblem) == [false])
        #expect(try place("192.0.2.1", in: databases).country == "DE")
    }

    /// Errors behind the beginning are found when somebody comes across them.
    @Test func damageInsideIsTold() throws {
        try PlaceDatabaseWriter.city(["192.0.2.0/24": Self.berlin], to: city)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: city)))
        // The records of the search tree lead anywhere.
        for index in 0..<600 { bytes[index] = 0x7f }
        try Data(bytes).write(to: URL(fileURLWithPath: city))
        let databases = PlaceDatabases(.init(city: city))
        #expect(databases.refresh().map(\.isProblem) == [false])
        #expect(try place("192.0.2.1", in: databases) == Place())
        #expect(try place("192.0.2.2", in: databases) == Place())
        #expect(databases.refresh().map(\.text).filter { $0.contains("\(city) is damaged (") }.count == 1)
        #expect(databases.refresh().isEmpty)
    }

    @Test func aMissingFileIsReadWhenItComes() throws {
        let databases = PlaceDatabases(.init(city: city))
        #expect(databases.refresh().map(\.isProblem) == [true])
        #expect(databases.refresh().isEmpty)
        try PlaceDatabaseWriter.city(["192.0.2.0/24": Self.berlin], to: city)
        _ = databases.refresh()
        _ = databases.refresh()
        #expect(try place("192.0.2.1", in: databases).country == "DE")
    }
}
