import GRDB
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

    @Test("A tree that holds another snapshot's files says so, with that one's serial, until it is gone")
    func holds() throws {
        let directory = try TemporaryDirectory("state")
        let path = directory["state.sqlite"]
        let state = try NodeState(path)
        var row = try snapshot(1)
        try state.save(row)
        #expect(try NodeState(path).snapshots().map(\.holds) == [row.uuid])
        let next = try snapshot(2).uuid
        row.becoming = next
        try state.save(row)
        #expect(try NodeState(path).snapshots().map(\.becoming) == [next])
        (row.holds, row.serial, row.becoming) = (next, 2, nil)
        try state.save(row)
        let read = try #require(try NodeState(path).snapshots().first)
        #expect(read.uuid == row.uuid && read.holds == next && read.serial == 2 && read.becoming == nil)
    }

    @Test("A state of an earlier version is read, and one of a later version is refused with the way out")
    func versions() throws {
        let directory = try TemporaryDirectory("state")
        let path = directory["state.sqlite"]
        let row = try snapshot(1)
        try {
            let state = try NodeState(path)
            try state.save(row)
        }()
        let database = try DatabaseQueue(path: path)
        try database.write { database in
            try database.execute(
                sql: """
                    ALTER TABLE snapshot DROP COLUMN holds; ALTER TABLE snapshot DROP COLUMN becoming;
                    DELETE FROM grdb_migrations WHERE identifier = 'what spare trees hold'
                    """)
        }
        #expect(try NodeState(path).snapshots().map(\.holds) == [row.uuid])
        try database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of tomorrow')") }
        let error = try #require(#expect(throws: MirrorError.self) { _ = try NodeState(path) })
        #expect(error.message.contains(path) && error.message.contains("newer version"), "\(error)")
    }
}
