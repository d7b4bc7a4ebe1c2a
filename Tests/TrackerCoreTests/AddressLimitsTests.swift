import SwarmTestSupport
import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct AddressLimitsTests {
    /// How many of eight requests at once are admitted.
    private func admitted(_ limits: inout AddressLimits, _ addresses: [String], now: Int) -> Int {
        var count = 0
        for address in addresses where limits.admit(ip(address), now: now) { count += 1 }
        return count
    }

    @Test func bucketsFillAgain() {
        var limits = AddressLimits(perSecond: 2, burst: 5, hash: paperHash)
        let eight = Array(repeating: "192.0.2.1", count: 8)
        #expect(admitted(&limits, eight, now: 100) == 5)
        #expect(admitted(&limits, eight, now: 101) == 2)
        #expect(admitted(&limits, eight, now: 1000) == 5)
        #expect(admitted(&limits, ["192.0.2.2"], now: 1000) == 1)
    }

    @Test func ipv6NetworksCountAsOne() {
        var limits = AddressLimits(perSecond: 1, burst: 2, hash: paperHash)
        #expect(admitted(&limits, (1...4).map { "2001:db8::\($0)" }, now: 100) == 2)
        #expect(admitted(&limits, ["2001:db8:0:1::1"], now: 100) == 1)
    }

    @Test func zeroIsNoLimit() {
        var limits = AddressLimits(perSecond: 0, burst: 0, hash: paperHash)
        #expect(admitted(&limits, Array(repeating: "192.0.2.1", count: 1000), now: 1) == 1000)
    }
}

struct MirrorChoiceTests {
    @Test func nearestOfTheNewestComeFirst() {
        var all = ProgressBoard()
        let names = ["old", "near", "far", "partial", "silent", "away"]
        all.setRegistrations(
            names.map { NodeRegistration(name: node($0), region: $0 == "far" ? "na" : "eu", urls: ["http://\($0)"]) })
        all.setFeed(feed([1, 2]), read: noon)
        func take(_ name: String, _ serial: Int, isFiltered: Bool = false, at seconds: Double = 0) {
            let report = report(name, serial: serial, state: .active, isFiltered: isFiltered, current: serial)
            all.take(report, received: noon.addingTimeInterval(seconds), place: nil)
        }
        take("old", 1)
        take("near", 2)
        take("far", 2)
        take("partial", 2, isFiltered: true)
        take("silent", 2, at: -1000)
        #expect(all.mirrors(of: set("debian"), near: Place(region: "eu"), now: noon) == ["http://near", "http://far"])
        #expect(all.mirrors(of: set("debian"), near: Place(region: "na"), now: noon) == ["http://far", "http://near"])
        #expect(all.mirrors(of: set("fedora"), near: Place(), now: noon) == [])
    }
}
