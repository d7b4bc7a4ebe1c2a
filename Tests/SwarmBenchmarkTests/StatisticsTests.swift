import SwarmBenchmark
import Testing

@Suite("Statistics")
struct StatisticsTests {
    @Test("The median is the middle value, or the mean of the two in the middle")
    func median() {
        #expect(Statistics.median([]) == nil)
        #expect(Statistics.median([3]) == 3)
        #expect(Statistics.median([9, 1, 5]) == 5)
        #expect(Statistics.median([4, 1, 2, 100]) == 3)
    }

    @Test("A percentile is the nearest rank: always a value that was measured")
    func percentile() {
        let values = [40.0, 10, 30, 20]
        #expect(Statistics.percentile(0.5, of: values) == 20)
        #expect(Statistics.percentile(0.51, of: values) == 30)
        #expect(Statistics.percentile(0.9, of: values) == 40)
        #expect(Statistics.percentile(0, of: values) == 10)
        #expect(Statistics.percentile(1, of: values) == 40)
        #expect(Statistics.percentile(0.5, of: []) == nil)
    }
}
