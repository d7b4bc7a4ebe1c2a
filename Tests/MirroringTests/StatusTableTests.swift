import FoundationEssentials
import Mirroring
import SwarmCore
import Testing

/// 2026-03-01 12:00:00 UTC.
private let now = Date(timeIntervalSince1970: 1_772_366_400)

struct StatusTableTests {
    private typealias Snapshot = NodeStatus.Snapshot

    private func id(_ prefix: String) throws -> SnapshotID {
        try #require(SnapshotID("\(prefix)-0000-4000-8000-000000000000"))
    }

    private func render(
        _ status: NodeStatus, width: Int = 80, color: Bool = false, blocks: Bool = false
    ) -> String {
        StatusTable(width: width, color: color, now: now, blocks: blocks).render(status)
    }

    private func status(
        _ snapshots: [Snapshot], current: Snapshot? = nil, feedVersion: UInt64 = 17, error: String? = nil,
        pid: Int32? = 4711
    ) throws -> NodeStatus {
        let set = NodeStatus.SetStatus(
            set: try #require(SetName("debian")), root: "/srv/debian", upstream: "https://master.example.org",
            current: current.map { .init(uuid: $0.uuid, serial: $0.serial) }, snapshots: snapshots,
            feedVersion: feedVersion, error: error)
        return NodeStatus(version: "0.1.0", pid: pid, sets: [set])
    }

    private func active() throws -> Snapshot {
        var snapshot = Snapshot(uuid: try id("6f1c2a9e"), serial: 9, state: .active)
        snapshot.bytesLinked = 98_200_000_000
        snapshot.bytesWanted = 1_200_000_000
        snapshot.bytesDone = 1_200_000_000
        snapshot.bytesFetched = 1_210_000_000
        snapshot.bytesFromMaster = 310_000_000
        snapshot.bytesFromPeers = 900_000_000
        snapshot.activated = now.addingTimeInterval(-3600)
        return snapshot
    }

    private func fetching() throws -> Snapshot {
        var snapshot = Snapshot(uuid: try id("9d8e7f6a"), serial: 10, state: .fetching)
        snapshot.phase = 4
        snapshot.bytesLinked = 98_200_000_000
        snapshot.bytesWanted = 2_400_000_000
        snapshot.bytesDone = 1_260_000_000
        snapshot.bytesFetched = 1_300_000_000
        snapshot.bytesFromMaster = 300_000_000
        snapshot.bytesFromPeers = 990_000_000
        snapshot.bytesFromHTTP = 10_000_000
        snapshot.filesWanted = 812
        snapshot.filesDone = 400
        snapshot.downloadRate = 10_200_000
        snapshot.uploadRate = 3_000_000
        snapshot.peers = 12
        return snapshot
    }

    private func ready() throws -> Snapshot {
        var snapshot = try fetching()
        snapshot.state = .ready
        snapshot.phase = nil
        snapshot.bytesDone = snapshot.bytesWanted
        snapshot.downloadRate = 0
        snapshot.uploadRate = 0
        snapshot.peers = 1
        return snapshot
    }

    @Test("a snapshot that is fetched while another is active and a third retained")
    func allStates() throws {
        var retained = Snapshot(uuid: try id("0a1b2c3d"), serial: 8, state: .retained)
        retained.bytesLinked = 97_000_000_000
        retained.activated = now.addingTimeInterval(-86_400)
        retained.uploadRate = 1500
        retained.peers = 2
        let active = try active()
        #expect(
            render(try status([retained, active, try fetching()], current: active)) == """
                swarm-node 0.1.0  process 4711

                debian  current 9 6f1c2a9e  feed 17  from https://master.example.org
                  in /srv/debian
                   8  0a1b2c3d  retained  activated 2026-02-28 12:00:00 UTC
                    linked 97.0 GB  fetched 0 B  master 0 B  peers 0 B  HTTP 0 B
                    up 1.5 kB/s  2 peers
                   9  6f1c2a9e  active    since 2026-03-01 11:00:00 UTC
                    linked 98.2 GB  fetched 1.2 GB  master 310.0 MB  peers 900.0 MB  HTTP 0 B
                  10  9d8e7f6a  fetching  phase 4  [########........]  52%  1.3 GB of 2.4 GB
                    linked 98.2 GB  fetched 1.3 GB  master 300.0 MB  peers 990.0 MB
                    HTTP 10.0 MB
                    down 10.2 MB/s  up 3.0 MB/s  12 peers  ETA 1m 52s

                """)
    }

    @Test("a first snapshot of which nothing is known yet")
    func beginning() throws {
        let snapshot = Snapshot(uuid: try id("9d8e7f6a"), serial: 1, state: .fetching)
        #expect(
            render(try status([snapshot])) == """
                swarm-node 0.1.0  process 4711

                debian  nothing is current yet  feed 17  from https://master.example.org
                  in /srv/debian
                  1  9d8e7f6a  fetching
                    linked 0 B  fetched 0 B  master 0 B  peers 0 B  HTTP 0 B
                    down 0 B/s  0 peers

                """)
    }

    @Test("a node that waits for the master's release, for a time, for both, for nothing")
    func readyStates() throws {
        func line(_ hold: Bool, _ notBefore: Date?) throws -> String {
            var snapshot = try ready()
            snapshot.hold = hold
            snapshot.notBefore = notBefore
            let lines = render(try status([snapshot])).split(separator: "\n")
            #expect(
                lines[4] == "    linked 98.2 GB  fetched 1.3 GB  master 300.0 MB  peers 990.0 MB")
            #expect(lines[5] == "    HTTP 10.0 MB")
            #expect(lines[6] == "    1 peer")
            #expect(lines.count == 7)
            return String(lines[3])
        }
        let soon = now.addingTimeInterval(319.5)
        let past = now.addingTimeInterval(-1)
        #expect(try line(true, nil) == "  10  9d8e7f6a  ready     held by the master")
        #expect(try line(true, past) == "  10  9d8e7f6a  ready     held by the master")
        #expect(
            try line(false, soon) == "  10  9d8e7f6a  ready     activates 2026-03-01 12:05:19 UTC (in 5m 20s)")
        #expect(try line(false, nil) == "  10  9d8e7f6a  ready     activates now")
        #expect(try line(false, past) == "  10  9d8e7f6a  ready     activates now")
        #expect(
            render(try status([try both()])).contains(
                "  10  9d8e7f6a  ready     held by the master\n    not before 2026-03-01 12:05:19 UTC (in 5m 20s)\n"))
        func both() throws -> Snapshot {
            var snapshot = try ready()
            snapshot.hold = true
            snapshot.notBefore = soon
            return snapshot
        }
    }

    @Test("a fetch tells of the hold and the time that it will meet")
    func fetchingForLater() throws {
        var snapshot = try fetching()
        snapshot.hold = true
        snapshot.notBefore = now.addingTimeInterval(7200)
        let lines = render(try status([snapshot])).split(separator: "\n")
        #expect(lines[3] == "  10  9d8e7f6a  fetching  phase 4  [########........]  52%  1.3 GB of 2.4 GB")
        #expect(lines[4] == "    held by the master  not before 2026-03-01 14:00:00 UTC (in 2h)")
    }

    @Test("without a daemon, and before the first feed")
    func noDaemon() throws {
        #expect(
            render(try status([], feedVersion: 0, pid: nil)) == """
                swarm-node 0.1.0  no daemon is running; this is what it left on disk

                debian  nothing is current yet  no feed yet  from https://master.example.org
                  in /srv/debian
                  no snapshots yet

                """)
        #expect(
            render(NodeStatus(version: "0.1.0", pid: 1, sets: [])) == "swarm-node 0.1.0  process 1\nno sets\n")
    }

    @Test("errors have lines of their own, in words that wrap")
    func errors() throws {
        var snapshot = try fetching()
        snapshot.error =
            "no space left on /srv/debian: 2.4 GB are needed and 1.1 GB are free; make room or exclude files"
        let error = "https://master.example.org does not answer; is its daemon running?"
        let lines = render(try status([snapshot], error: error)).split(separator: "\n")
        #expect(lines[3] == "  error: https://master.example.org does not answer; is its daemon running?")
        #expect(
            lines.suffix(2) == [
                "    error: no space left on /srv/debian: 2.4 GB are needed and 1.1 GB are free;",
                "      make room or exclude files",
            ])
    }

    @Test("what would drive the terminal is shown as an escape")
    func hostileText() throws {
        var status = try status([], error: "a\u{1b}[2Jb\r\nc\u{7}\u{9b}d\u{202e}e\u{2028}f\u{7f} ü “x”")
        status.sets[0].root = "/srv/\u{1b}]0;t"
        status.sets[0].upstream = "http://a\u{200b}b"
        status.version = "1\n2"
        #expect(
            render(status) == """
                swarm-node 1\\n2  process 4711

                debian  nothing is current yet  feed 17  from http://a\\u{200b}b
                  in /srv/\\u{1b}]0;t
                  error: a\\u{1b}[2Jb\\u{d}\\nc\\u{7}\\u{9b}d\\u{202e}e\\u{2028}f\\u{7f} ü “x”
                  no snapshots yet

                """)
        let narrow = render(status, width: 20, color: true)
        #expect(narrow.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\u{1b}" || $0.value >= 0x20 })
        #expect(!narrow.contains("\u{1b}]"))
    }

    @Test("a narrow table wraps between fields, then within them, and loses nothing")
    func narrow() throws {
        var snapshot = try fetching()
        snapshot.error = "https://master.example.org/debian 漢字漢字漢字漢字漢字"
        #expect(
            render(try status([snapshot]), width: 24) == """
                swarm-node 0.1.0
                  process 4711

                debian
                  nothing is current yet
                  feed 17
                  from https://master.ex
                  ample.org
                  in /srv/debian
                  10  9d8e7f6a  fetching
                    phase 4
                    [##...]  52%
                    1.3 GB of 2.4 GB
                    linked 98.2 GB
                    fetched 1.3 GB
                    master 300.0 MB
                    peers 990.0 MB
                    HTTP 10.0 MB
                    down 10.2 MB/s
                    up 3.0 MB/s
                    12 peers  ETA 1m 52s
                    error:
                      https://master.exa
                      mple.org/debian
                      漢字漢字漢字漢字漢
                      字

                """)
        #expect(render(try status([snapshot]), width: -5) == render(try status([snapshot]), width: 20))
        let active = try active()
        for width in 20...140 {
            let lines = render(try status([active, snapshot], current: active), width: width).split(separator: "\n")
            #expect(lines.allSatisfy { $0.count <= width && $0.last != " " })
        }
    }

    @Test("the bar is full when all is there, and not before")
    func bars() throws {
        func bar(_ done: Int64, of wanted: Int64, blocks: Bool = false, width: Int = 74) throws -> String {
            var snapshot = try fetching()
            snapshot.bytesWanted = wanted
            snapshot.bytesDone = done
            let lines = render(try status([snapshot]), width: width, blocks: blocks).split(separator: "\n")
            let line = try #require(lines.first { $0.contains("[") })
            return String(line[(try #require(line.firstIndex(of: "[")))...])
        }
        #expect(try bar(0, of: 1000) == "[..........]   0%  0 B of 1.0 kB")
        #expect(try bar(100, of: 1000) == "[#.........]  10%  100 B of 1.0 kB")
        #expect(try bar(999, of: 1000) == "[#########.]  99%  999 B of 1.0 kB")
        #expect(try bar(1000, of: 1000) == "[##########] 100%  1.0 kB of 1.0 kB")
        #expect(try bar(1001, of: 1000) == "[##########] 100%  1.0 kB of 1.0 kB")
        #expect(try bar(-1, of: 1000) == "[..........]   0%  0 B of 1.0 kB")
        #expect(try bar(.max - 1, of: .max).hasPrefix("[##########]  99%"))
        #expect(try bar(0, of: 1000, blocks: true).hasPrefix("[          ]"))
        #expect(try bar(560, of: 1000, blocks: true).hasPrefix("[█████▌    ]  56%"))
        #expect(try bar(1000, of: 1000, blocks: true).hasPrefix("[██████████] 100%"))
        #expect(try bar(500, of: 1000, width: 200).hasPrefix("[###############...............]  50%"))
    }

    @Test("files without bytes are counted by number")
    func emptyFiles() throws {
        var snapshot = Snapshot(uuid: try id("9d8e7f6a"), serial: 1, state: .fetching)
        snapshot.filesWanted = 3
        snapshot.filesDone = 1
        #expect(render(try status([snapshot])).contains("  1  9d8e7f6a  fetching  1 of 3 files\n"))
    }

    @Test("extreme numbers are shown")
    func extremes() throws {
        var snapshot = Snapshot(uuid: try id("9d8e7f6a"), serial: .max, state: .fetching)
        snapshot.bytesWanted = .max
        snapshot.bytesDone = .min
        snapshot.downloadRate = 1
        snapshot.notBefore = .distantFuture
        let text = render(try status([snapshot]))
        #expect(text.contains("ETA 365000d"))
        #expect(text.contains("  18446744073709551615  9d8e7f6a  fetching"))
    }

    @Test("colours surround what they colour and change nothing else")
    func colors() throws {
        let active = try active()
        var failed = try fetching()
        failed.error = "disk full"
        let status = try status([active, failed], current: active, error: "late")
        let colored = render(status, color: true)
        #expect(colored.contains("\u{1b}[1mdebian\u{1b}[0m  current 9 6f1c2a9e"))
        #expect(colored.contains("\u{1b}[32mactive  \u{1b}[0m  since"))
        #expect(colored.contains("\u{1b}[36mfetching\u{1b}[0m  phase 4"))
        #expect(colored.contains("    \u{1b}[31merror:\u{1b}[0m \u{1b}[31mdisk\u{1b}[0m \u{1b}[31mfull\u{1b}[0m\n"))
        var plain = colored
        for code in ["0", "1", "31", "32", "36"] { plain = plain.replacing("\u{1b}[\(code)m", with: "") }
        #expect(plain == render(status))
    }
}
