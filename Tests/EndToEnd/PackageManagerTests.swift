import Foundation
import FoundationNetworking
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// Debian's own apt and dnf, sent to the nodes by the tracker.
    @Suite("Package managers at the tracker")
    struct PackageManagerTests {
        @Test("apt finds the nodes by mirror+http, and is sent to none that is behind")
        func apt() async throws {
            try await TestBench.run { bench in
                let archive = AptArchive(bench)
                let network = try await MirrorNetwork(bench, preset: "apt") { tree in
                    try await archive.publish("1.0", into: tree)
                }
                #expect(try await network.get("/mirrorlist/debian") == network.bases(["a", "b"]))
                #expect(try await network.get("/mirrorlist?set=debian") == network.bases(["a", "b"]))
                let client = try AptClient(bench, "mirror+http://\(network.address)/mirrorlist/debian")
                try await client.update()
                #expect(try await client.download() == archive.package("1.0", in: network.master.source))

                try await network.stop("a")
                try await archive.publish("2.0", into: network.master.source)
                try await network.publish()
                try await network.awaitMirrors(["b"])
                try await client.update()
                #expect(try await client.download() == archive.package("2.0", in: network.master.source))
            }
        }

        @Test("apt takes the list as a parameter as well, and goes on to the next node where one has just stopped")
        func aptWithParameter() async throws {
            try await TestBench.run { bench in
                let archive = AptArchive(bench)
                let network = try await MirrorNetwork(bench, preset: "apt") { tree in
                    try await archive.publish("1.0", into: tree)
                }
                let client = try AptClient(bench, "mirror+http://\(network.address)/mirrorlist?set=debian")
                try await client.update()
                #expect(try await client.download() == archive.package("1.0", in: network.master.source))
                try await network.stop("a")
                // Nobody knows yet: it reports once a minute.
                #expect(try await network.get("/mirrorlist?set=debian") == network.bases(["a", "b"]))
                #expect(try await client.download() == archive.package("1.0", in: network.master.source))
            }
        }

        @Test("dnf takes the mirror list and the Metalink, and believes the Metalink rather than a node")
        func dnf() async throws {
            try await TestBench.run { bench in
                let network = try await MirrorNetwork(bench, preset: "rpm-md") { tree in
                    try await RPMRepository.publish("1.0", into: tree, bench)
                }
                let list = try DnfClient(bench, "list", "mirrorlist=\(network.url)/mirrorlist?set=debian")
                #expect(try await list.download() == ["hello-1.0-1.noarch.rpm"])
                let path = "repodata/repomd.xml"
                let location = "metalink=\(network.url)/metalink?set=debian&path=\(path)"
                let metalink = try DnfClient(bench, "metalink", location)
                #expect(try await metalink.download() == ["hello-1.0-1.noarch.rpm"])

                // The nearest node's disk has changed under it: what it serves is not what was published.
                let spoilt = "\(try #require(network.nodes["a"]).current)/\(path)"
                let good = try Data(contentsOf: URL(fileURLWithPath: "\(network.master.source.root)/\(path)"))
                try Data("<repomd>".utf8).write(to: URL(fileURLWithPath: spoilt))
                #expect(try await network.get("/debian/\(path)", from: "a") == "<repomd>")
                let careful = try DnfClient(bench, "careful", location)
                #expect(try await careful.download() == ["hello-1.0-1.noarch.rpm"])
                #expect(try careful.cached("repomd.xml") == good)
                // By the mirror list alone, dnf meets it.
                let careless = try DnfClient(bench, "careless", "baseurl=\(network.base("a"))")
                await #expect(throws: (any Error).self) { try await careless.download() }

                try await network.stop("a")
                try await RPMRepository.publish("2.0", into: network.master.source, bench)
                try await network.publish()
                try await network.awaitMirrors(["b"])
                let document = try await network.get("/metalink?set=debian&path=\(path)")
                #expect(document.contains("\(network.base("b"))\(path)</url>") && !document.contains(network.base("a")))
                #expect(try await metalink.download() == ["hello-2.0-1.noarch.rpm"])
                #expect(try await list.download() == ["hello-2.0-1.noarch.rpm"])
            }
        }

        @Test("aria2 reads the Metalink as RFC 5854 has it; curl follows the redirection and its links")
        func downloaders() async throws {
            try await TestBench.run { bench in
                let network = try await MirrorNetwork(bench, preset: "plain") { tree in
                    try tree.write("pool/a b+c.bin", [UInt8](repeating: 7, count: 300_000))
                    try tree.symbolicLink("newest", to: "pool")
                }
                let path = "newest/a%20b%2Bc.bin"
                let content = Data([UInt8](repeating: 7, count: 300_000))
                try await tool(
                    "aria2c", ["--dir", bench["aria"], "\(network.url)/metalink?set=debian&path=\(path)"])
                #expect(try Data(contentsOf: URL(fileURLWithPath: bench["aria/a b+c.bin"])) == content)

                try await tool(
                    "curl", ["-sSL", "-D", bench["head"], "-o", bench["got"], "\(network.url)/redirect/debian/\(path)"])
                #expect(try Data(contentsOf: URL(fileURLWithPath: bench["got"])) == content)
                let head = try String(contentsOfFile: bench["head"], encoding: .utf8)
                #expect(head.contains("Link: <\(network.base("b"))newest/a%20b+c.bin>; rel=duplicate; pri=2"))
                #expect(head.contains("rel=describedby; type=\"application/metalink4+xml\""))
                for missing in ["pool/none", "newest/none", "../secret", ""] {
                    #expect(try await network.status("/metalink?set=debian&path=\(missing)") == 404)
                }
                #expect(try await network.status("/metalink?set=other&path=x") == 503)
                #expect(try await network.status("/metalink?set=debian") == 400)
            }
        }
    }
}

/// A master, a tracker, and two nodes, `a` and `b`, that serve readers and report.
private struct MirrorNetwork {
    let bench: TestBench
    let master: Master
    let address: String
    let nodes: [String: Node]
    private let daemons: [String: RunningProgram]
    private let addresses: [String: String]

    var url: String { "http://\(address)" }

    init(_ bench: TestBench, preset: String, fill: (FileTreeWriter) async throws -> Void) async throws {
        self.bench = bench
        try await fill(try FileTreeWriter(bench["source"]))
        master = try await Master(bench, preset: preset) { _ in }
        let first = try await master.snapshot().snapshot
        let server = try await master.serve()
        let tracker = try await TrackerProcess(bench, master, server)
        address = tracker.address
        var nodes: [String: Node] = [:]
        var daemons: [String: RunningProgram] = [:]
        var addresses: [String: String] = [:]
        for (index, name) in ["a", "b"].enumerated() {
            let node = Node(master, index + 2)
            // The port that the system gives is known, and can be registered, once the node has run.
            let (trial, ready) = try await node.run(server.url, top: "http-listen = [\"\(node.address):0\"]")
            let http = try #require(ready.http.first)
            try await node.awaitActive(first)
            trial.signal(SIGTERM)
            await trial.end()
            let report = try await tracker.registration(of: name, "--url", "http://\(http)")
            let top = "http-listen = [\"\(http)\"]\n\(report)"
            (daemons[name], _) = try await node.run(server.url, top: top)
            nodes[name] = node
            addresses[name] = http
        }
        self.nodes = nodes
        self.daemons = daemons
        self.addresses = addresses
        try await awaitMirrors(["a", "b"])
    }

    /// Where a node has the set's files.
    func base(_ name: String) -> String { "http://\(addresses[name] ?? "")/debian/" }

    /// The mirror list of these nodes.
    func bases(_ names: [String]) -> String { names.map { base($0) + "\n" }.joined() }

    /// What the tracker, or a node, answers.
    func get(_ path: String, from node: String? = nil) async throws -> String {
        let host = node.flatMap { addresses[$0] } ?? address
        let (data, _) = try await URLSession.shared.data(from: #require(URL(string: "http://\(host)\(path)")))
        return String(decoding: data, as: UTF8.self)
    }

    /// The status of the tracker's answer.
    func status(_ path: String) async throws -> Int {
        let (_, response) = try await URLSession.shared.data(from: #require(URL(string: "\(url)\(path)")))
        return (response as? HTTPURLResponse)?.statusCode ?? 0
    }

    /// Waits until readers are sent to these nodes.
    func awaitMirrors(_ names: [String]) async throws {
        do {
            _ = try await eventually("the mirrors \(names)") {
                try await get("/mirrorlist?set=debian") == bases(names) ? true : nil
            }
        } catch {
            throw ProgramFailure("\(error); the report: \(try await get("/report.txt"))")
        }
    }

    /// Ends a node.
    func stop(_ name: String) async throws {
        let daemon = try #require(daemons[name])
        daemon.signal(SIGTERM)
        await daemon.end()
    }

    /// Publishes the source as it is.
    func publish() async throws { _ = try await master.snapshot() }
}

/// Runs a program that must succeed; what it wrote.
@discardableResult
private func tool(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
) async throws -> String {
    let process = try LoggedProcess(program, arguments, environment: environment)
    let code = await process.exit()
    let output = try await process.output()
    guard code == 0 else { throw ProgramFailure("\(program) \(arguments) ended with \(code): \(output)") }
    return output
}

/// An archive with one package.
private struct AptArchive {
    let bench: TestBench

    init(_ bench: TestBench) { self.bench = bench }

    private func path(_ version: String) -> String { "pool/main/h/hello/hello_\(version)_all.deb" }

    /// What the archive has of the package.
    func package(_ version: String, in tree: FileTreeWriter) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(tree.root)/\(path(version))"))
    }

    /// Adds a version of the package, and writes the indices anew.
    func publish(_ version: String, into tree: FileTreeWriter) async throws {
        let control = "\(bench["deb"])/DEBIAN"
        try FileManager.default.createDirectory(atPath: control, withIntermediateDirectories: true)
        let text = """
            Package: hello
            Version: \(version)
            Architecture: all
            Maintainer: nobody <nobody@localhost>
            Description: says nothing

            """
        try text.write(toFile: "\(control)/control", atomically: true, encoding: .utf8)
        try tree.write(path(version), "")
        try await tool("dpkg-deb", ["--build", "--root-owner-group", bench["deb"], bench["made.deb"]])
        let index = "dists/stable/main/binary-amd64/Packages"
        try put(bench["made.deb"], at: path(version), in: tree)
        let packages = try await tool("sh", ["-c", "cd \"$0\" && apt-ftparchive packages pool", tree.root])
        // A client that has the file from before asks for one of a later time.
        let mtime = 1_700_000_000 + Int((Double(version) ?? 0) * 100)
        try tree.write(index, packages + "\n", mtime: mtime)
        let release = try await tool(
            "sh",
            [
                "-c", "cd \"$0\" && apt-ftparchive -o APT::FTPArchive::Release::Suite=stable release dists/stable",
                tree.root,
            ])
        try tree.write("dists/stable/Release", release + "\n", mtime: mtime)
    }

    private func put(_ file: String, at path: String, in tree: FileTreeWriter) throws {
        try tree.write(path, Array(try Data(contentsOf: URL(fileURLWithPath: file))))
    }
}

/// An apt with a system of its own.
private struct AptClient {
    private let directory: String
    private let environment: [String: String]

    init(_ bench: TestBench, _ source: String) throws {
        directory = bench["apt"]
        for part in ["state/lists/partial", "cache/archives/partial", "got", "etc"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(part)", withIntermediateDirectories: true)
        }
        let configuration = """
            Dir "\(directory)";
            Dir::State "state";
            Dir::State::status "\(directory)/status";
            Dir::Cache "cache";
            Dir::Etc "etc";
            Dir::Bin::methods "/usr/lib/apt/methods";
            APT::Sandbox::User "root";
            APT::Architecture "amd64";
            Acquire::Languages "none";
            Acquire::http::Proxy "false";

            """
        try configuration.write(toFile: "\(directory)/apt.conf", atomically: true, encoding: .utf8)
        try "".write(toFile: "\(directory)/status", atomically: true, encoding: .utf8)
        try "deb [trusted=yes] \(source) stable main\n".write(
            toFile: "\(directory)/etc/sources.list", atomically: true, encoding: .utf8)
        environment = ["APT_CONFIG": "\(directory)/apt.conf", "http_proxy": ""]
    }

    /// Reads the indices anew; any failure is one of the command.
    func update() async throws {
        try await tool("apt-get", ["update", "-o", "APT::Update::Error-Mode=any"], environment: environment)
    }

    /// The newest package.
    func download() async throws -> Data {
        let path = "\(directory)/got"
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await tool(
            "sh", ["-c", "cd \"$0\" && apt-get download hello", path], environment: environment)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        guard names.count == 1 else { throw ProgramFailure("apt-get downloaded \(names)") }
        return try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(names[0])"))
    }
}

/// A repository with one package.
private enum RPMRepository {
    /// Puts a version of the package in place of what is there, and writes the metadata anew.
    static func publish(_ version: String, into tree: FileTreeWriter, _ bench: TestBench) async throws {
        let spec = """
            Name: hello
            Version: \(version)
            Release: 1
            Summary: Says nothing
            License: none
            BuildArch: noarch
            %description
            Says nothing.
            %files

            """
        try spec.write(toFile: bench["hello.spec"], atomically: true, encoding: .utf8)
        let made = bench["rpm-\(version)"]
        try await tool(
            "rpmbuild",
            ["-bb", "--quiet", "--define", "_topdir \(made)", "--define", "_rpmdir \(made)", bench["hello.spec"]],
            environment: ["HOME": bench.directory])
        let name = "hello-\(version)-1.noarch.rpm"
        // Beside the tree, so that new files replace the published ones whole.
        let new = bench["new-\(version)"]
        try FileManager.default.createDirectory(atPath: "\(new)/packages", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(made)/noarch/\(name)", toPath: "\(new)/packages/\(name)")
        try await tool("createrepo_c", ["--quiet", new])
        for part in ["packages", "repodata"] {
            try? FileManager.default.removeItem(atPath: "\(tree.root)/\(part)")
            try FileManager.default.moveItem(atPath: "\(new)/\(part)", toPath: "\(tree.root)/\(part)")
        }
    }
}

/// A dnf with a system and a cache of its own, and one repository.
private struct DnfClient {
    private let directory: String

    init(_ bench: TestBench, _ name: String, _ location: String) throws {
        directory = bench["dnf-\(name)"]
        for part in ["repos", "log"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(part)", withIntermediateDirectories: true)
        }
        let text = """
            [demo]
            name=demo
            \(location)
            enabled=1
            gpgcheck=0
            metadata_expire=0
            retries=1

            """
        try text.write(toFile: "\(directory)/repos/demo.repo", atomically: true, encoding: .utf8)
    }

    /// The names of the packages that an installation would take.
    func download() async throws -> [String] {
        let got = "\(directory)/got"
        try? FileManager.default.removeItem(atPath: got)
        try await tool(
            "dnf",
            [
                "-y", "--installroot=\(directory)/root", "--releasever=1", "--setopt=reposdir=\(directory)/repos",
                "--setopt=cachedir=\(directory)/cache", "--setopt=logdir=\(directory)/log",
                "--setopt=persistdir=\(directory)/persist", "--setopt=proxy=", "--noplugins", "--refresh", "install",
                "--downloadonly", "--downloaddir=\(got)", "hello",
            ], environment: ["http_proxy": "", "no_proxy": "*"])
        return try FileManager.default.contentsOfDirectory(atPath: got).sorted()
    }

    /// A file of the metadata that it keeps.
    func cached(_ name: String) throws -> Data? {
        let files = FileManager.default.enumerator(atPath: "\(directory)/root")?.compactMap { $0 as? String } ?? []
        let others = FileManager.default.enumerator(atPath: "\(directory)/cache")?.compactMap { $0 as? String } ?? []
        let paths = files.map { "\(directory)/root/\($0)" } + others.map { "\(directory)/cache/\($0)" }
        return paths.first { $0.hasSuffix("/\(name)") }.flatMap { FileManager.default.contents(atPath: $0) }
    }
}
