import SwarmTestSupport
import SwarmCore
import Testing

@testable import TrackerCore

struct PeerChoiceTests {
    /// Regions of twenty nodes, and a seed of the master, who have all announced.
    private func network(regions: Int = 4, nodes: Int = 20, seedIn seeded: Int? = nil) throws -> TestTable {
        var table = TestTable()
        let master = PeerEndpoint(address: ip("10.99.0.1"), port: 6881)
        table.table.setKnown([:], masters: [master])
        _ = try table.announce("10.99.0.1", left: 0, region: "r0")
        for node in 1...nodes { for region in 0..<regions { _ = try announce(&table, region, node) } }
        if let seeded { _ = try table.announce("10.\(seeded).1.1", left: 0, region: "r\(seeded)") }
        table.now += 100
        return table
    }

    /// A node announces, with something received since the last time unless `isStuck`.
    private func announce(
        _ table: inout TestTable, _ region: Int, _ node: Int, event: Announce.Event = .started, isStuck: Bool = false
    ) throws -> [PeerEndpoint] {
        try table.announce(
            "10.\(region).0.\(node)", left: isStuck ? 5000 : Int64(10_000_000 - table.now * 10), event: event,
            region: "r\(region)"
        ).peers
    }

    private func region(of peer: PeerEndpoint) -> Int { Int(peer.address.bytes[1]) }

    @Test func mostPeersAreNear() throws {
        var table = try network()
        var far = 0
        for region in 0..<4 {
            for node in 1...20 {
                let peers = try announce(&table, region, node, event: .regular)
                #expect(Swift.Set(peers).count == peers.count)
                #expect(!peers.contains(PeerEndpoint(address: ip("10.\(region).0.\(node)"), port: 6881)))
                #expect(peers.count { self.region(of: $0) == region } == 19)
                far += peers.count - 19
            }
        }
        // Two gateways in each region, who hear of two far peers each.
        #expect(far == 4 * 2 * 2)
    }

    @Test func everyRegionHearsOfOthers() throws {
        var table = try network()
        for region in 0..<4 {
            let far = try (1...20).flatMap { try announce(&table, region, $0, event: .regular) }
                .filter { self.region(of: $0) != region }
            #expect(far.count == 4)
        }
    }

    @Test func masterIsSharedEvenly() throws {
        var table = try network(regions: 5)
        for region in 0..<5 {
            let hearers = try (1...20).count { node in
                try announce(&table, region, node, event: .regular).contains { self.region(of: $0) == 99 }
            }
            #expect(hearers == 2, "region \(region)")
        }
        let peers = try table.announce("10.99.0.1", left: 0, event: .started, region: "r0").peers
        #expect(
            Dictionary(grouping: peers, by: { self.region(of: $0) }).mapValues(\.count).values.allSatisfy { $0 == 2 })
        #expect(peers.count == 10)
    }

    /// The master's own region has what the master has; another one has what it got by its own line.
    @Test func gatewaysHearOfOtherRegionsThanTheMasters() throws {
        var table = try network()
        for region in 1..<4 {
            let far = try (1...20).flatMap { try announce(&table, region, $0, event: .regular) }
                .map { self.region(of: $0) }.filter { $0 != region }
            #expect(far.count { $0 == 99 } == 2)
            #expect(far.count == 4)
            #expect(!far.contains(0))
        }
    }

    @Test func whoeverIsStuckHearsOfFarPeers() throws {
        var table = try network(nodes: 10)
        for node in 1...10 { _ = try announce(&table, 1, node, event: .regular, isStuck: true) }
        table.now += 300
        for node in 1...10 {
            let peers = try announce(&table, 1, node, event: .regular, isStuck: true)
            #expect(peers.count { self.region(of: $0) != 1 } == 2)
        }
    }

    @Test func gatewaysThatDieAreReplaced() throws {
        var table = try network(regions: 2, nodes: 10)
        func gateways() throws -> [Int] {
            try (1...10).filter { node in
                try announce(&table, 0, node, event: .regular).contains { self.region(of: $0) != 0 }
            }
        }
        let first = try gateways()
        #expect(first.count == 2)
        for node in first { _ = try table.announce("10.0.0.\(node)", event: .stopped, region: "r0") }
        table.now += 100
        let second = try (1...10).filter { !first.contains($0) }.filter { node in
            try announce(&table, 0, node, event: .regular).contains { self.region(of: $0) != 0 }
        }
        #expect(second.count == 2)
    }

    @Test func regionWithASeedNeedsNoNewGateway() throws {
        var table = TestTable()
        _ = try table.announce("10.1.1.1", left: 0, region: "r1")
        for node in 1...6 { _ = try announce(&table, 0, node) }
        for node in 1...6 {
            #expect(try announce(&table, 1, node).allSatisfy { self.region(of: $0) == 1 } || node == 1)
        }
        // A region that lacks pieces hears of the seed.
        table.now += 100
        let far = try (1...6).flatMap { try announce(&table, 0, $0, event: .regular) }.filter { region(of: $0) == 1 }
        #expect(far.contains(PeerEndpoint(address: ip("10.1.1.1"), port: 6881)))
    }

    @Test func seedsHearOfDownloadersOnly() throws {
        var table = TestTable()
        _ = try table.announce("10.0.0.1", left: 0, region: "r0")
        _ = try table.announce("10.0.0.2", left: 0, region: "r0")
        _ = try table.announce("10.1.0.1", region: "r1")
        // Nobody near has use for it, so it serves who is far.
        #expect(try table.announce("10.0.0.3", left: 0, region: "r0").peers.map(\.address) == [ip("10.1.0.1")])
        _ = try table.announce("10.0.0.4", region: "r0")
        #expect(try table.announce("10.0.0.3", left: 0, region: "r0").peers.map(\.address) == [ip("10.0.0.4")])
    }

    @Test func aloneInItsRegionItHearsOfFarPeers() throws {
        var table = try network(regions: 3, nodes: 5)
        #expect(try table.announce("10.7.0.1", region: "r7").peers.count == 2)
        var single = TestTable()
        _ = try single.announce("10.0.0.1", region: "r0")
        #expect(try single.announce("10.1.0.1", region: "r1").peers.map(\.address) == [ip("10.0.0.1")])
    }

    @Test func theNearestComeFirst() throws {
        var table = TestTable()
        for node in 1...100 { _ = try table.announce("10.0.0.\(node)", region: "r0", group: node <= 5 ? "site" : nil) }
        let peers = try table.announce("10.0.1.1", wanted: 10, region: "r0", group: "site").peers
        #expect(Swift.Set(peers.prefix(5).map(\.address)) == Swift.Set((1...5).map { ip("10.0.0.\($0)") }))
        #expect(peers.count >= 8)
    }

    @Test func everybodyIsHeardOf() throws {
        var table = TestTable()
        for node in 0..<200 { _ = try table.announce("10.0.\(node / 100).\(node % 100)", region: "r0") }
        var heard: [PeerEndpoint: Int] = [:]
        for node in 0..<200 {
            for peer in try table.announce("10.0.\(node / 100).\(node % 100)", wanted: 20, region: "r0").peers {
                heard[peer, default: 0] += 1
            }
        }
        #expect(heard.count == 200)
        #expect((heard.values.max() ?? 0) < 60)
    }

    @Test func withoutPlacesAnybodyHearsOfAnybody() throws {
        var policy = PeerChoicePolicy()
        policy.isNearFirst = false
        var table = TestTable(policy: policy)
        table.table.setKnown([:], masters: [PeerEndpoint(address: ip("10.99.0.1"), port: 6881)])
        _ = try table.announce("10.99.0.1", left: 0, region: "r0")
        for node in 1...20 { for region in 0..<4 { _ = try announce(&table, region, node) } }
        table.now += 100
        var heard: [Int: Int] = [:]
        for node in 1...20 {
            let peers = try announce(&table, 0, node, event: .regular)
            #expect(peers.count == 50)
            #expect(Swift.Set(peers).count == 50)
            for peer in peers { heard[region(of: peer), default: 0] += 1 }
        }
        // Of a thousand, a quarter for each region, and about a dozen for the master.
        for region in 0..<4 { #expect((180...300).contains(heard[region] ?? 0), "\(region)") }
        #expect((1...20).contains(heard[99] ?? 0))
    }
}
