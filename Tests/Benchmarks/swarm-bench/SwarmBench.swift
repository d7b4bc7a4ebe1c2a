import ArgumentParser
import Foundation
import SwarmBenchmark

/// The benchmark.
@main
struct SwarmBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm-bench",
        abstract:
            "Measures swarm-publish and swarm-node beside rsync, quick-fedora-mirror's technique and plain torrents.",
        discussion: """
            Everything runs on this machine, in one run, on trees that are the same each time. Ratios of CPU count; times \
            that pass depend on what else the machine does.

            tree: the large tree, with up to 8 mirrors. mirrors: a quarter of it, with all numbers of mirrors. small: a \
            hundredth of it, for the picture. packages: files of the sizes of Debian packages. poll: nodes that ask and \
            nodes that wait. calls: system calls on the trees, by strace. transfer: one seed to one node, beside bare \
            libtorrent. limited: eight nodes behind a master with 10 MB/s. tracker: announces and reports, beside opentracker \
            where that is installed. regions: nine nodes in three regions with slow lines between them, near peers first \
            beside peers at random.
            """)

    @Option(help: "Files of the large tree; the other parts follow its size.")
    var files = 40_000

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Only these parts.", valueName: "part"), transform: Self.part)
    var only: [BenchmarkRun.Part] = []

    @Option(help: ArgumentHelp("Numbers of mirrors, such as 1,8,32; above 8 only for the smaller trees."))
    var mirrors = "1,8,32"

    @Option(help: ArgumentHelp("Write all figures to this file.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Draw cost against mirrors and files into this file.", valueName: "file"))
    var svg: String?

    @Option(help: ArgumentHelp("Write the table in Markdown to this file.", valueName: "file"))
    var markdown: String?

    @Option(help: ArgumentHelp("Where to work; a directory is made there and removed.", valueName: "dir"))
    var work = "/var/tmp"

    @Option(
        help: ArgumentHelp(
            "Where swarm-publish, swarm-node, swarm-tracker and bare-client lie. (default: beside this program)",
            valueName: "dir"))
    var programs: String?

    @Flag(help: "Leave the directory and the logs where they are.")
    var keep = false

    private static func part(_ name: String) throws -> BenchmarkRun.Part {
        guard let part = BenchmarkRun.Part(rawValue: name) else {
            let names = BenchmarkRun.Part.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--only: “\(name)” is none of \(names)")
        }
        return part
    }

    func validate() throws {
        guard files >= 1000 else { throw ValidationError("--files: at least 1000") }
        guard !counts.isEmpty, counts.allSatisfy({ (1...200).contains($0) }) else {
            throw ValidationError("--mirrors: numbers from 1 to 200 with commas between them, such as 1,8,32")
        }
    }

    /// The numbers in `mirrors`; empty when one is none.
    private var counts: [Int] {
        let numbers = mirrors.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        return numbers.contains(nil) ? [] : Set(numbers.compactMap { $0 }).sorted()
    }

    func run() throws {
        Workspace.prepare()
        Interruption.install()
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let parts = only.isEmpty ? BenchmarkRun.Part.allCases : only
        let run = BenchmarkRun(parts: parts, files: files, mirrors: counts)
        let workspace = try Workspace(parent: work, programs: programs ?? here, needing: run.neededBytes, keep: keep)
        defer { workspace.close(keep: keep) }
        var machine = Machine(path: workspace.directory)
        let ledger = Ledger { FileHandle.standardError.write(Data("\($0)\n".utf8)) }
        let started = Date()
        // What was measured before something failed, or before somebody had enough, is shown all the same.
        let result = Result { try run.run(workspace, ledger, keep: keep) }
        machine.loadAfter = Machine.load
        let report = BenchmarkReport(
            started: started, seconds: Date().timeIntervalSince(started), machine: machine,
            arguments: Array(CommandLine.arguments.dropFirst()), rows: ledger.rows, distributions: ledger.distributions)
        try show(report)
        try result.get()
    }

    private func show(_ report: BenchmarkReport) throws {
        print(ResultTable.terminal(report.rows, isColored: isatty(1) == 1))
        print("\(report.machine.summary); \(Int(report.seconds)) s")
        func write(_ data: Data, _ path: String?) throws {
            if let path { try data.write(to: URL(fileURLWithPath: path)) }
        }
        try write(try report.json(), json)
        try write(Data(CostPicture.draw(report.distributions).svg.utf8), svg)
        try write(Data((ResultTable.markdown(report.rows) + "\n" + report.machine.summary + "\n").utf8), markdown)
    }
}
