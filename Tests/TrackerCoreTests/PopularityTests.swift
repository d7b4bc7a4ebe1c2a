import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct PopularityTests {
    private let sets = Swift.Set([TrackerCoreTests.set("debian")])

    private func reading(
        _ name: String, _ files: KeyValuePairs<String, Int64>, since: Double = 0, isCut: Bool = false
    ) -> NodeReport {
        var report = report(name, state: .active, current: 1)
        report.sets[0].reads = .init(
            since: noon.addingTimeInterval(since), files: files.map { .init(path: $0.key, reads: $0.value) },
            isCut: isCut)
        return report
    }

    private func files(_ popularity: Popularity, days: Int = 1, after seconds: Double = 0) -> [String] {
        popularity.popular(
            TrackerCoreTests.set("debian"), days: days, limit: 10, now: noon.addingTimeInterval(seconds)
        ).files.map { "\($0.path) \($0.reads)" }
    }

    @Test func sumsWhatIsNewInEachReport() {
        var popularity = Popularity()
        func take(_ report: NodeReport, after previous: NodeReport?, at seconds: Double = 0) {
            popularity.take(report, previous: previous, sets: sets, now: noon.addingTimeInterval(seconds))
        }
        let first = reading("a", ["x": 5, "y": 2])
        let second = reading("a", ["x": 7, "y": 2, "z": 1])
        take(first, after: nil)
        take(second, after: first)
        // The same once more, as after an answer that was lost.
        take(second, after: second)
        take(reading("b", ["x": 10]), after: nil)
        #expect(files(popularity) == ["x 17", "y 2", "z 1"])
        // The node began anew: all is new.
        take(reading("a", ["x": 3], since: 60), after: second)
        #expect(files(popularity) == ["x 20", "y 2", "z 1"])
        #expect(popularity.popular(TrackerCoreTests.set("fedora"), days: 1, limit: 10, now: noon).files.isEmpty)
    }

    /// A file that goes out of a list and comes back is not counted twice.
    @Test func aListThatIsCutIsNotTakenForAll() {
        var popularity = Popularity()
        let reports = [
            reading("a", ["x": 10, "y": 8], isCut: true), reading("a", ["x": 12, "z": 9], isCut: true),
            reading("a", ["x": 12, "y": 11], isCut: true),
        ]
        var previous: NodeReport?
        for report in reports {
            popularity.take(report, previous: previous, sets: sets, now: noon)
            previous = report
        }
        // y: 8, and what is beyond z's 9 that it had at most before; z: what is beyond y's 8.
        #expect(files(popularity) == ["x 12", "y 10", "z 1"])
    }

    @Test func daysGoBy() {
        var popularity = Popularity()
        let day = 86_400.0
        for age in 0..<40 {
            let report = reading("a", ["day\(age)": 1], since: Double(age))
            popularity.take(report, previous: nil, sets: sets, now: noon.addingTimeInterval(Double(age) * day))
        }
        let now = 39 * day
        #expect(files(popularity, days: 2, after: now) == ["day38 1", "day39 1"])
        #expect(popularity.takeChanged().count == Popularity.dayLimit)
        #expect(popularity.takeChanged().isEmpty)
        let whole = popularity.popular(
            TrackerCoreTests.set("debian"), days: 100, limit: 100, now: noon.addingTimeInterval(now))
        #expect(whole.files.count == Popularity.dayLimit)
        #expect(whole.since == Date(timeIntervalSince1970: 1_772_323_200 + 9 * day))
    }

    @Test func hostileReportsAreBounded() {
        var popularity = Popularity()
        var report = reading("a", ["": 1, "ok": .max, "negative": -5])
        report.sets[0].reads?.files += (0..<10_000).map { .init(path: "f\($0)", reads: 1) }
        report.sets[0].reads?.files[1].reads = .max
        report.sets.append(.init(set: TrackerCoreTests.set("unknown"), isFiltered: false, reads: report.sets[0].reads))
        popularity.take(report, previous: nil, sets: sets, now: noon)
        #expect(popularity.takeChanged().values.map(\.count) == [198])
        #expect(files(popularity).first == "ok \(1 << 40)")
    }

    @Test func restores() {
        var popularity = Popularity()
        popularity.take(reading("a", ["x": 5]), previous: nil, sets: sets, now: noon)
        var other = Popularity()
        for (key, saved) in popularity.takeChanged() {
            for file in saved { other.restore(key, path: file.path, reads: file.reads) }
        }
        #expect(files(other) == ["x 5"])
        #expect(other.takeChanged().isEmpty)
        let key = Popularity.Key(set: TrackerCoreTests.set("debian"), day: Popularity.day(of: noon))
        other.putBack([key])
        #expect(other.takeChanged().keys.map { $0 } == [key])
    }
}
