public import Foundation
import Glibc
import Synchronization

/// Debian's Chromium without a window, told what to do over the pipes of its DevTools protocol.
public final class Chromium: Sendable {
    private struct State {
        var next = 0
        var waiting: [Int: CheckedContinuation<Data, any Error>] = [:]
        var complaints: [String] = []
        var hasEnded = false
    }

    private let directory: TemporaryDirectory
    private let process: LoggedProcess
    private let input: Int32
    private let state = Mutex(State())
    private let session = Mutex("")

    /// Whether it is installed.
    public static var isInstalled: Bool { access("/usr/bin/chromium", X_OK) == 0 }

    /// Starts it with an empty page.
    public init() async throws {
        directory = try TemporaryDirectory("chromium")
        let base = directory["pipe"]
        for end in ["in", "out"] {
            guard mkfifo("\(base).\(end)", 0o600) == 0 else { throw SystemCallFailure("mkfifo", base) }
        }
        // Opened for both directions, so that neither side waits for the other.
        input = Glibc.open("\(base).in", O_RDWR | O_CLOEXEC)
        let output = Glibc.open("\(base).out", O_RDWR | O_CLOEXEC)
        guard input >= 0, output >= 0 else { throw SystemCallFailure("open", base) }
        process = try LoggedProcess(
            "sh",
            [
                "-c", "exec chromium \"$@\" 3<\"$0.in\" 4>\"$0.out\"", base, "--headless", "--no-sandbox",
                "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--user-data-dir=\(directory["profile"])", "about:blank",
            ], environment: ["HOME": directory.path])
        Thread.detachNewThread { [weak self] in
            var kept: [UInt8] = []
            var block = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(output, &block, block.count)
                guard count > 0 else { break }
                kept += block[..<count]
                while let end = kept.firstIndex(of: 0) {
                    guard let self else {
                        close(output)
                        return
                    }
                    self.take(Data(kept[..<end]))
                    kept.removeFirst(end + 1)
                }
            }
            close(output)
        }
        struct Target: Decodable { let targetId: String }
        struct Session: Decodable { let sessionId: String }
        let target: Target = try await ask("Target.createTarget", ["url": "about:blank"])
        let attached: Session = try await ask(
            "Target.attachToTarget", ["targetId": target.targetId, "flatten": true])
        session.withLock { $0 = attached.sessionId }
        for domain in ["Page", "Runtime", "Log"] { try await tell("\(domain).enable") }
    }

    /// Ends it.
    public func end() async {
        _ = try? await tell("Browser.close", [:])
        await process.stop()
        close(input)
    }

    /// What the page's console, its errors, and its policy have complained of.
    public var complaints: [String] { state.withLock { $0.complaints } }

    /// Goes to a page and waits until it is loaded.
    public func open(_ url: String) async throws {
        try await tell("Page.navigate", ["url": url])
        _ = try await eventually("the page \(url)") {
            let state = try await evaluate("document.readyState + ' ' + location.href")
            return state.hasPrefix("complete ") && !state.hasSuffix("about:blank") ? state : nil
        }
    }

    /// The value of an expression of JavaScript, as text.
    public func evaluate(_ expression: String) async throws -> String {
        struct Answer: Decodable {
            struct Value: Decodable { let value: String? }
            struct Failure: Decodable { let text: String }
            let result: Value
            let exceptionDetails: Failure?
        }
        let answer: Answer = try await ask(
            "Runtime.evaluate", ["expression": "String(\(expression))", "returnByValue": true, "awaitPromise": true])
        if let failure = answer.exceptionDetails { throw ProgramFailure("\(expression): \(failure.text)") }
        return answer.result.value ?? ""
    }

    /// How the page is shown: `width` in CSS pixels.
    public func show(width: Int, isDark: Bool, runsScripts: Bool = true) async throws {
        try await tell(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false])
        try await tell(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
        try await tell("Emulation.setScriptExecutionDisabled", ["value": !runsScripts])
    }

    /// A picture of the whole page, as PNG.
    public func picture() async throws -> Data {
        struct Picture: Decodable { let data: Data }
        let picture: Picture = try await ask(
            "Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true])
        return picture.data
    }

    private func tell(_ method: String, _ parameters: [String: Any] = [:]) async throws {
        struct Nothing: Decodable {}
        let _: Nothing = try await ask(method, parameters)
    }

    private func ask<Answer: Decodable>(_ method: String, _ parameters: [String: Any] = [:]) async throws -> Answer {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        var message: [String: Any] = ["id": id, "method": method, "params": parameters]
        let session = session.withLock { $0 }
        if !session.isEmpty, method != "Browser.close" { message["sessionId"] = session }
        let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
        let answer = try await withCheckedThrowingContinuation { continuation in
            state.withLock { $0.waiting[id] = continuation }
            if write(input, bytes, bytes.count) != bytes.count {
                state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(
                    throwing: SystemCallFailure("write", "chromium's pipe"))
                return
            }
            Task { [weak self] in
                try await Task.sleep(for: .seconds(60))
                self?.state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(
                    throwing: ProgramFailure("chromium does not answer \(method)"))
            }
        }
        let envelope = try JSONDecoder().decode(Envelope<Answer>.self, from: answer)
        guard let result = envelope.result else {
            throw ProgramFailure("chromium: \(method): \(envelope.error?.message ?? "no result")")
        }
        return result
    }

    private func take(_ message: Data) {
        guard let object = try? JSONSerialization.jsonObject(with: message) as? [String: Any] else { return }
        if let id = object["id"] as? Int {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: message)
            return
        }
        let text = String(decoding: message, as: UTF8.self)
        switch object["method"] as? String {
        case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled":
            state.withLock { $0.complaints.append(text) }
        default: break
        }
    }
}

private struct Envelope<Answer: Decodable>: Decodable {
    struct Failure: Decodable { let message: String }
    let result: Answer?
    let error: Failure?
}
