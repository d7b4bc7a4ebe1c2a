import Testing
import TrackerCore

struct SimulationTests {
    /// What the choice of peers promises: few crossings, hardly any time.
    @Test func nearPeersSaveCrossings() throws {
        var setting = SwarmSimulation.Setting()
        setting.pieces = 200
        var near = SwarmSimulation(setting, choice: .near(PeerChoicePolicy()))
        var random = SwarmSimulation(setting, choice: .random)
        let (ours, theirs) = (near.run(), random.run())
        let (time, randomTime) = (try #require(ours.completion), try #require(theirs.completion))
        #expect(ours.crossingRatio < 2.5)
        #expect(theirs.crossingRatio > 15)
        #expect(Double(time) < 1.25 * Double(randomTime))
    }

    @Test func canBeRepeated() {
        var setting = SwarmSimulation.Setting()
        setting.pieces = 50
        setting.nodesPerRegion = 5
        var first = SwarmSimulation(setting, choice: .near(PeerChoicePolicy()))
        var second = SwarmSimulation(setting, choice: .near(PeerChoicePolicy()))
        #expect(first.run() == second.run())
    }
}
