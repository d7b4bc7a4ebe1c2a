import FoundationEssentials
import SwarmCore
import SwarmTestSupport
import Testing

@testable import TrackerCore

struct HistoryThinningTests {
    private let thinning = HistoryThinning()

    /// What is left of samples, one every `step` seconds from noon on, at `end` seconds after noon.
    private func left(step: Int, end: Int, visits: [Int]) -> [Date] {
        var times: [Date] = []
        var taken = 0
        for visit in visits + [end] {
            while taken <= visit {
                times.append(noon.addingTimeInterval(Double(taken)))
                taken += step
            }
            let gone = thinning.superfluous(times, now: noon.addingTimeInterval(Double(visit)))
            times.removeAll { gone.contains($0) }
        }
        return times
    }

    @Test func keepsTheLastDayWhole() {
        #expect(left(step: 20, end: 86_400, visits: []).count == 4321)
    }

    @Test func keepsOneAnHourThenOneADay() {
        let times = left(step: 600, end: 100 * 86_400, visits: [])
        let ages = times.map { (100 * 86_400 - $0.timeIntervalSince(noon)) / 86_400 }
        let days = ages.filter { $0 > 31 }
        #expect((68...70).contains(days.count))
        let hours = ages.filter { $0 > 1.1 && $0 < 29 }
        #expect((27 * 24...28 * 24).contains(hours.count))
        #expect(ages.count { $0 <= 1 } == 145)
        // The last of each hour stands for it.
        let hourly = times.filter { (86_400 * 75..<86_400 * 98).contains(Int($0.timeIntervalSince(noon))) }
        #expect(hourly.allSatisfy { Int($0.timeIntervalSince1970) % 3600 == 3000 })
    }

    @Test func runsOftenOrSeldomAlike() {
        var random = SeededRandom(seed: 11)
        let end = 60 * 86_400
        let visits = (0..<300).map { _ in Int.random(in: 0..<end, using: &random) }.sorted()
        #expect(left(step: 1800, end: end, visits: visits) == left(step: 1800, end: end, visits: []))
    }

    @Test func isBounded() {
        let end = 800 * 86_400
        let times = left(step: 600, end: end, visits: Array(stride(from: 0, to: end, by: 86_400)))
        #expect(times.count <= thinning.bound(interval: 600))
        #expect(times.first.map { $0 >= noon.addingTimeInterval(Double(end) - thinning.daily) } == true)
        #expect(thinning.superfluous([noon], now: noon.addingTimeInterval(731 * 86_400)) == [noon])
    }
}

struct ProgressHistoryTests {
    private let key = SnapshotKey(set("debian"), snapshot(1))

    private func state(_ had: Int64, at seconds: Double, serials: [Int] = [1]) -> TrackerReport {
        var all = board([report("a", had: had), report("b", state: .active, current: 1)])
        all.setFeed(feed(serials), read: noon)
        return all.report(swarms: 0, peers: 0, now: noon.addingTimeInterval(seconds))
    }

    @Test func keepsWhatChanged() {
        var history = ProgressHistory()
        let nothing = ProgressBoard().report(swarms: 0, peers: 0, now: noon.addingTimeInterval(-1))
        #expect(history.take(nothing).isEmpty)
        #expect(history.take(state(100, at: 0)).added[key]?.map(\.counts.bytesHad) == [1100])
        // Too soon, and then without news.
        #expect(history.take(state(200, at: 5)).isEmpty)
        for seconds in [30.0, 60, 90] { #expect(history.take(state(100, at: seconds)).isEmpty) }
        // The moment before the change is kept, so that the line shows the wait.
        let added = history.take(state(500, at: 120)).added[key]
        #expect(added?.map(\.counts.bytesHad) == [1100, 1500])
        #expect(added?.map { $0.time.timeIntervalSince(noon) } == [90, 120])
        #expect(history.samples[key]?.count == 3)
        let last = history.samples[key]?.last?.counts
        #expect(last == .init(nodes: 2, complete: 1, active: 1, bytesTotal: 2000, bytesHad: 1500))
        #expect(last?.nodeShare == 0.5)
        #expect(last?.byteShare == 0.75)
    }

    @Test func goesOnFromWhatWasStored() {
        var first = ProgressHistory()
        _ = first.take(state(100, at: 0))
        var second = ProgressHistory(first.samples)
        #expect(second.take(state(100, at: 40)).isEmpty)
        #expect(second.take(state(300, at: 80)).added[key]?.count == 2)
    }

    @Test func forgetsWithTheFeed() {
        var history = ProgressHistory()
        _ = history.take(state(100, at: 0))
        let changes = history.take(state(100, at: 30, serials: [2]))
        #expect(changes.forgotten == [key])
        #expect(history.samples[key] == nil)
        #expect(history.keepOnly([]).forgotten == [SnapshotKey(set("debian"), snapshot(2))])
        #expect(history.samples.isEmpty)
    }

    @Test func clockThatWasSetBackLeavesTheLineAscending() {
        var history = ProgressHistory()
        _ = history.take(state(100, at: 1000))
        _ = history.take(state(200, at: 10))
        _ = history.take(state(300, at: 2000))
        #expect(history.samples[key]?.map(\.counts.bytesHad) == [1100, 1300])
    }

    @Test func thinsAsItGoes() {
        var history = ProgressHistory()
        var removed = 0
        for step in 0..<400 {
            let changes = history.take(state(Int64(step), at: Double(step) * 600))
            removed += changes.removed.values.reduce(0) { $0 + $1.count }
        }
        let count = history.samples[key]?.count ?? 0
        #expect(removed > 100)
        #expect(count + removed == 400)
    }
}
