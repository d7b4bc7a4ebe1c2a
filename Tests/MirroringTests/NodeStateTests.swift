import SwarmCore
import SwarmTestSupport
import Testing

@testable import Mirroring

@Suite("The state of a node")
struct NodeStateTests {
    private func snapshot(_ number: Int) throws -> NodeState.Snapshot {
        let digits = String(number)
        let uuid = try #require(
            SnapshotID("00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits))
        return NodeState.Snapshot(
            uuid: uuid, serial: Serial(number), state: .fetching, filter: .everything, base: nil,
            status: .init(uuid: uuid, serial: Serial(number), state: .fetching))
    }

    @Test("On a full disk the message names the file and says what to do", .enabled(if: SmallDisk.isPossible))
    func full() throws {
        let disk = try SmallDisk(megabytes: 1)
        let path = "\(disk.path)/state.sqlite"
        func expectNoSpace(_ body: () throws -> Void) throws {
            let error = try #require(#expect(throws: MirrorError.self) { try body() })
            #expect(error.code == .noSpace)
            #expect(error.message.contains(path) && error.message.contains("free some space"), "\(error)")
        }
        let state = try NodeState(path)
        try state.save(snapshot(1))
        disk.fill()
        try expectNoSpace {
            for number in 2..<10_000 { try state.save(snapshot(number)) }
        }
        try expectNoSpace { _ = try NodeState("\(path)-2") }
        disk.free()
        let count = try state.snapshots().count
        try state.save(snapshot(10_000))
        #expect(try NodeState(path).snapshots().count == count + 1)
    }

    @Test("What the journal says of a shard stays until the tree is built anew or whole")
    func journal() throws {
        let directory = try TemporaryDirectory("state")
        let state = try NodeState(directory["state.sqlite"])
        let row = try snapshot(1)
        let shard = try #require(InfoHash(hex: String(repeating: "ab", count: 20)))
        var missing = PieceSet(pieceCount: 9)
        missing[3] = true
        try state.writeJournal(row, [shard: missing])
        #expect(try NodeState(directory["state.sqlite"]).journal(row.uuid) == [shard: missing.bytes])
        try state.finishBuilding(row, replacing: nil, missing: [:])
        #expect(try state.journal(row.uuid).isEmpty)
    }
}
