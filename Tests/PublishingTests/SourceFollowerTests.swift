import FileTree
import Foundation
import Glibc
import Logging
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// A follower in this process, with a real source.
@Suite(.timeLimit(.minutes(5)))
struct SourceFollowerTests {
    private let test: TestStore

    init() throws {
        test = try TestStore()
        try test.source.write("pool/a/one", "one")
        try test.source.write("pool/a/two", "two")
        try test.source.write("dists/Release", "release")
    }

    /// Runs a follower while `body` does.
    private func following(
        _ change: (inout SourceFollower.Settings) -> Void = { _ in },
        _ body: (SourceFollower) async throws -> Void
    ) async throws {
        var settings = SourceFollower.Settings()
        // Only what is asked for is published.
        settings.settle = .seconds(3600)
        settings.settleLimit = .seconds(7200)
        change(&settings)
        let follower = SourceFollower(
            store: try test.store(), settings: settings,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let running = Task { try await follower.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body(follower)) } catch { result = .failure(error) }
        await follower.stop()
        try await running.value
        try result.get()
    }

    @discardableResult
    private func publish(_ follower: SourceFollower, _ paths: String...) async -> WatchAnswer {
        await follower.answer(WatchRequest(paths: paths, now: true, wait: true))
    }

    @Test("it begins with a look at everything, and goes on with what changed")
    func changes() async throws {
        try await following { follower in
            let first = await publish(follower)
            #expect(first.error == nil && first.snapshot != nil)
            try test.verify()
            try test.source.write("pool/a/three", "three")
            try test.source.remove("pool/a/one")
            try test.source.move("pool/a", to: "pool/b")
            try test.source.write("pool/c/d/e", "e")
            let second = await publish(follower)
            #expect(second.published && second.snapshot != first.snapshot)
            try test.verify()
            let third = await publish(follower)
            #expect(!third.published && third.snapshot == second.snapshot)
        }
        #expect(!(try test.snapshot()).changed, "nothing was overlooked")
    }

    @Test("it publishes by itself when the source is at rest")
    func rest() async throws {
        try await following({ $0.settle = .milliseconds(50) }) { follower in
            await publish(follower)
            let watch = try DirectoryWatch(try test.store().layout.swarm)
            let before = try test.store().resolve("latest").uuid
            try test.source.write("pool/new", "new")
            for await _ in watch.changes where try test.store().resolve("latest").uuid != before { break }
            try test.verify()
        }
    }

    @Test("a file is written to in place by one of its names")
    func otherName() async throws {
        try test.source.hardLink("dists/twin", to: "pool/a/one")
        try await following { follower in
            await publish(follower)
            try test.source.append("pool/a/one", Array("more".utf8))
            #expect(await publish(follower).published)
            try test.verify()
        }
    }

    @Test("a file is written to in place by a name that is not watched: after two failures, everything is looked at")
    func unwatchedName() async throws {
        try test.replaceSetting("exclude", "[\"/private/\"]")
        try await following { follower in
            // Else the first look at everything may come between any two of the lines below.
            await publish(follower)
            // They share a piece, which is hashed anew when one of them goes.
            try test.source.write("pool/new", "new")
            try test.source.write("pool/neighbour", "neighbour")
            try test.source.hardLink("private/name", to: "pool/new")
            #expect(await publish(follower).published)
            try test.source.append("private/name", Array("more".utf8))
            try test.source.remove("pool/neighbour")
            for _ in 0..<2 {
                #expect(await publish(follower).error?.contains("pool/new changed after it was read") == true)
            }
            #expect(await publish(follower).published)
            #expect(!(try test.snapshot()).changed)
            #expect(try test.newestTree().nodes["pool/new"] == TreeState(test.source.root).nodes["pool/new"])
        }
    }

    @Test("a file that is not closed is left for the next snapshot")
    func open() async throws {
        try await following { follower in
            await publish(follower)
            try test.source.write("pool/done", "done")
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: test.source.location("pool/a/one")))
            try file.write(contentsOf: Data("half".utf8))
            let new = Glibc.open(test.source.location("pool/new"), O_CREAT | O_WRONLY, 0o644)
            #expect(await publish(follower).published)
            let paths = try test.newestTree().nodes.keys
            #expect(paths.contains("pool/done") && !paths.contains("pool/new"))
            try file.close()
            close(new)
            #expect(await publish(follower).published)
            try test.verify()
        }
    }

    @Test("what cannot be published is told, and comes with the next snapshot")
    func failure() async throws {
        try await following { follower in
            await publish(follower)
            try test.source.write("pool/good", "good")
            try test.source.makePipe("pool/pipe")
            let failed = await publish(follower)
            #expect(failed.error?.contains("pool/pipe is a device, socket or pipe") == true)
            try test.source.remove("pool/pipe")
            #expect(await publish(follower).published)
            try test.verify()
        }
    }

    @Test("a snapshot that somebody else makes is waited for")
    func lock() async throws {
        try await following { follower in
            await publish(follower)
            try test.source.write("pool/new", "new")
            let path = try test.store().layout.lock
            let before = try test.store().resolve("latest").uuid
            let answer: Task<WatchAnswer, Never>
            do {
                let lock = try FileLock.acquire(path, owner: "a test")
                defer { withExtendedLifetime(lock) {} }
                answer = Task { await publish(follower) }
                try await eventually("the first request is served") {
                    await follower.isPublishing ? () : nil
                }
                #expect(try test.store().resolve("latest").uuid == before)
            }
            #expect(await answer.value.published)
            try test.verify()
        }
    }

    @Test("it ends while somebody else makes a snapshot")
    func stopWhileWaiting() async throws {
        let lock = try FileLock.acquire(try test.store().layout.lock, owner: "a test")
        defer { withExtendedLifetime(lock) {} }
        var answer: Task<WatchAnswer, Never>?
        try await following { follower in
            answer = Task { await publish(follower) }
            try await eventually("the first snapshot is wanted") { await follower.isPublishing ? () : nil }
        }
        #expect(await answer?.value.error == "the watch was stopped")
        #expect(try test.store().feed() == nil)
    }

    @Test("a configuration that excludes something else is taken up")
    func configuration() async throws {
        try await following { follower in
            await publish(follower)
            try test.replaceSetting("exclude", "[\"/pool/a/\"]")
            try test.source.write("dists/Release", "new release")
            await publish(follower)
            #expect(try test.newestTree().nodes.keys.sorted() == ["dists/Release", "pool"])
            try test.source.write("pool/a/three", "three")
            #expect(!(await publish(follower).published))
            try test.replaceSetting("exclude", "[]")
            #expect(await publish(follower, "dists").published)
            try test.verify()
        }
    }

    @Test("a source that goes and comes back is followed again")
    func sourceGone() async throws {
        try await following { follower in
            await publish(follower)
            let above = try FileTreeWriter(test.directory.path)
            try above.move("source", to: "away")
            #expect(await publish(follower).error?.contains(test.source.root) == true)
            try above.move("away", to: "source")
            try test.source.write("pool/new", "new")
            #expect(await publish(follower).published)
            try test.verify()
            try test.source.write("pool/newer", "newer")
            #expect(await publish(follower).published)
            try test.verify()
        }
    }

    @Test("without inotify only what is told is looked at, and everything when nothing is")
    func told() async throws {
        try await following({ $0.watches = false }) { follower in
            await publish(follower)
            try test.source.write("pool/told", "told")
            try test.source.write("pool/untold", "untold")
            #expect(await publish(follower, "pool/told").published)
            let paths = try test.newestTree().nodes.keys
            #expect(paths.contains("pool/told") && !paths.contains("pool/untold"))
            #expect(await publish(follower).published)
            try test.verify()
        }
    }

    @Test("the source is looked at in intervals when that is wished")
    func scanning() async throws {
        try await following({
            $0.watches = false
            $0.scanEvery = .milliseconds(200)
        }) { follower in
            await publish(follower)
            let watch = try DirectoryWatch(try test.store().layout.swarm)
            let before = try test.store().resolve("latest").uuid
            try test.source.write("pool/untold", "untold")
            for await _ in watch.changes where try test.store().resolve("latest").uuid != before { break }
            try test.verify()
        }
    }

    @Test("the embargo and the delay are those of the settings")
    func embargo() async throws {
        try await following({
            $0.hold = true
            $0.delay = .seconds(3600)
        }) { follower in
            let snapshot = try #require(await publish(follower).snapshot)
            let entry = try test.store().resolve(snapshot.rawValue)
            #expect(entry.activation.hold)
            #expect(entry.activation.notBefore == entry.created.addingTimeInterval(3600))
        }
    }

    @Test("requests come by a socket that nobody else can open; a second watch, or none, is an error")
    func socket() async throws {
        let store = try test.store()
        #expect(throws: PublishingError.self) { try store.ask(WatchRequest()) }
        try await following { follower in
            await publish(follower)
            #expect(try FileSystem.status(store.watchSocketPath)?.mode == 0o600)
            try test.source.write("pool/new", "new")
            let answer = try await offPool { try store.ask(WatchRequest(now: true, wait: true)) }
            #expect(answer.published)
            #expect(try answer.snapshot == store.resolve("latest").uuid)
            for path in ["/etc/passwd", "../x"] {
                let error = await #expect(throws: PublishingError.self) {
                    try await offPool { try store.ask(WatchRequest(paths: [path])) }
                }
                #expect(error?.message.contains("“\(path)”") == true)
            }
            let second = SourceFollower(
                store: store, settings: .init(),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            await #expect(throws: FileLock.Held.self) { try await second.run() }
        }
        #expect(!FileSystem.exists(store.watchSocketPath))
    }
}
