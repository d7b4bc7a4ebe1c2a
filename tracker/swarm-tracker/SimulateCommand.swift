import ArgumentParser
import Foundation
import SwarmCore
import TrackerCore

/// What the choice of near peers saves, and what it costs.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Compare the choice of near peers with a random one, in a simulated swarm.",
        discussion: """
            Crossings are the copies of the torrent that went from one region to another, in parts of the fewest that
            are possible: one for each region but the master's. Time is until the last node has everything.
            """)

    @Option(help: "How many regions.")
    var regions = 5
    @Option(help: "How many nodes in each region.")
    var nodes = 20
    @Option(help: "How many pieces the torrent has.")
    var pieces = 400
    @Option(help: "How many swarms, each with other random numbers.")
    var runs = 3

    mutating func validate() throws {
        guard (1...50).contains(regions), (1...2000).contains(nodes), regions * nodes <= 10_000,
            (1...10_000).contains(pieces), (1...1000).contains(runs)
        else { throw ValidationError("1 to 50 regions, 10,000 nodes in all, 10,000 pieces and 1,000 runs at most") }
    }

    mutating func run() throws {
        var near: [SwarmSimulation.Outcome] = []
        var random: [SwarmSimulation.Outcome] = []
        for run in 1...runs {
            var setting = SwarmSimulation.Setting()
            (setting.regions, setting.nodesPerRegion, setting.pieces) = (regions, nodes, pieces)
            setting.seed = UInt64(run)
            var ours = SwarmSimulation(setting, choice: .near(PeerChoicePolicy()))
            var theirs = SwarmSimulation(setting, choice: .random)
            near.append(ours.run())
            random.append(theirs.run())
        }
        print("\(regions) regions of \(nodes) nodes, \(pieces) pieces, \(runs) runs")
        print("            crossings   copies from the master   time")
        print(Self.line("near first", near, random))
        print(Self.line("random", random, random))
    }

    private static func line(
        _ name: String, _ outcomes: [SwarmSimulation.Outcome], _ random: [SwarmSimulation.Outcome]
    ) -> String {
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        let name = name.padding(toLength: 10, withPad: " ", startingAt: 0)
        let figures = String(
            format: "%9.2f   %22.2f", mean(outcomes.map(\.crossingRatio)), mean(outcomes.map(\.masterCopies)))
        let times = outcomes.compactMap(\.completion).map(Double.init)
        let others = random.compactMap(\.completion).map(Double.init)
        guard times.count == outcomes.count, others.count == random.count else {
            return "\(name)  \(figures)   some nodes never had everything"
        }
        return "\(name)  \(figures)   \(String(format: "%4.2f", mean(times) / mean(others))) of random's"
    }
}
