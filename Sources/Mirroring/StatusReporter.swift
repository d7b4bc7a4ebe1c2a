internal import AsyncHTTPClient
internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SwarmCore

/// When a node reports to its tracker: at once when a state changed, now and then while bytes come in, and seldom
/// otherwise, so that the tracker knows that it lives. A value without a clock.
struct ReportSchedule {
    /// From one report of progress to the next.
    static let progress = Duration.seconds(10)
    /// The longest silence; a tracker takes a node for silent after three of them.
    static let alive = Duration.seconds(60)

    /// What a report said that is sent at once when it differs.
    struct Situation: Hashable {
        struct Snapshot: Hashable {
            let uuid: SnapshotID
            let state: NodeStatus.State
            let phase: Int?
            let error: String?
        }

        let snapshots: [Snapshot]
        let errors: [String]

        init(_ sets: [NodeStatus.SetStatus]) {
            snapshots = sets.flatMap(\.snapshots).map {
                Snapshot(uuid: $0.uuid, state: $0.state, phase: $0.phase, error: $0.error)
            }
            errors = sets.compactMap(\.error)
        }

        var isFetching: Bool { snapshots.contains { $0.state == .fetching } }
    }

    private var sent: (situation: Situation, at: ContinuousClock.Instant)?
    /// After a failure: not before.
    private var pause: ContinuousClock.Instant?

    /// Whether a report is due.
    func isDue(_ situation: Situation, at now: ContinuousClock.Instant) -> Bool {
        if let pause, now < pause { return false }
        guard let sent, sent.situation == situation else { return true }
        return now - sent.at >= (situation.isFetching ? Self.progress : Self.alive)
    }

    mutating func sent(_ situation: Situation, at now: ContinuousClock.Instant) {
        sent = (situation, now)
        pause = nil
    }

    mutating func failed(at now: ContinuousClock.Instant) { pause = now + Self.progress }
}

/// Tells the tracker how far this node is. What the tracker did not take is not kept: the next report says all. Mirroring
/// never waits for it.
struct StatusReporter: Sendable {
    let configuration: NodeConfiguration.Reporting
    let sets: [NodeConfiguration.MirroredSet]
    let mirrors: [SetMirror]
    let client: HTTPClient
    let logger: Logger
    let now: @Sendable () -> Date
    /// What the readers of a set read; nil when nobody counts. The second value is how many bytes its paths may have.
    let reads: @Sendable (SwarmCore.SetName, Int) -> NodeReport.ReadCounts?
    /// What near and far peers gave and got; nil when the configuration names none.
    let traffic: @Sendable () async -> NodeStatus.PeerTraffic?

    /// Bytes of paths in a report, of all sets together: well below what a tracker takes.
    private static let pathBytes = 64 << 10

    /// Reports until it is cancelled.
    func run() async {
        let (wakeups, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup(of: Void.self) { group in
            for mirror in mirrors {
                group.addTask { for await _ in mirror.changes { wake.yield() } }
            }
            group.addTask {
                while (try? await Task.sleep(for: .seconds(5))) != nil { wake.yield() }
                wake.finish()
            }
            group.addTask { await report(wakeups) }
        }
    }

    private func report(_ wakeups: AsyncStream<Void>) async {
        var schedule = ReportSchedule()
        var isComplaining = false
        for await _ in wakeups {
            var status: [NodeStatus.SetStatus] = []
            for mirror in mirrors { status.append(await mirror.status()) }
            let situation = ReportSchedule.Situation(status)
            guard schedule.isDue(situation, at: .now) else { continue }
            do {
                try await send(status)
                schedule.sent(situation, at: .now)
                if isComplaining { logger.notice("the tracker takes reports again") }
                isComplaining = false
            } catch {
                if Task.isCancelled { return }
                schedule.failed(at: .now)
                // Once, until it is well again: mirroring goes on without it.
                if !isComplaining { logger.warning("the tracker does not take reports: \(error)") }
                isComplaining = true
            }
        }
    }

    private func send(_ status: [NodeStatus.SetStatus]) async throws {
        var report = NodeReport(
            node: configuration.node, version: Version.current,
            sent: Date(timeIntervalSince1970: now().timeIntervalSince1970.rounded(.down)), urls: configuration.urls)
        report.sets = zip(status, sets).map { status, set in
            NodeReport.SetReport(
                set: status.set, isFiltered: !set.filter.isEverything, current: status.current,
                snapshots: status.snapshots, diskFree: try? FileSystem.freeBytes(set.root), error: status.error,
                reads: reads(status.set, Self.pathBytes / max(1, sets.count)))
        }
        report.traffic = await traffic()
        var request = HTTPClientRequest(url: "\(configuration.tracker)/api/v1/report")
        request.method = .POST
        request.headers.add(name: "Authorization", value: "Bearer \(configuration.token)")
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "swarm-node/\(Version.current)")
        request.body = .bytes(try Documents.encode(report))
        let response = try await client.execute(request, timeout: .seconds(20))
        let answer = try await response.body.collect(upTo: 4096)
        guard response.status == .noContent || response.status == .ok else {
            let reason = printable(answer.readableBytesView).split(separator: "\n").first ?? ""
            throw MirrorError(
                .upstream, "\(configuration.tracker) answers \(response.status.code) to a report: \(reason)")
        }
    }
}
