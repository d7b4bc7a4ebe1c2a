import FileTree
import Foundation

/// A network of regions on this machine: a network namespace for each, and one for the router between them. Within a
/// region addresses are as near as can be; from each region to the router, and back, a line carries so much and no more.
///
/// The namespaces have no names: each lives as long as a process in it, so they go away with the workspace.
final class RegionNetwork {
    /// Bits per second of a line, in each direction.
    static let rate = 20_000_000
    /// Milliseconds that a packet takes on the way out of a region, where the kernel can delay packets.
    private static let delay = 20

    private let workspace: Workspace
    private let router: ChildProcess
    private let regions: [ChildProcess]
    /// Whether packets are delayed: netem is a module that not every kernel has.
    let isDelayed: Bool

    /// The router's own address, at which all regions reach what runs there.
    static let routerAddress = "10.9.0.1"

    /// The address of a host; both count from 0.
    static func address(region: Int, host: Int) -> String { "10.\(region + 1).0.\(host + 1)" }

    /// Why there can be no such network here; nil when there can.
    static var obstacle: String? {
        guard getuid() == 0 else { return "only root may make network namespaces" }
        for (tool, package) in [
            ("ip", "iproute2"), ("tc", "iproute2"), ("unshare", "util-linux"), ("nsenter", "util-linux"),
        ]
        where Workspace.which(tool) == nil {
            return "\(tool) is not installed: apt-get install \(package)"
        }
        return nil
    }

    /// Makes the namespaces, with addresses for so many hosts in each region.
    init(_ workspace: Workspace, regions count: Int, hosts: Int) throws {
        self.workspace = workspace
        let router = try Self.namespace(workspace)
        let regions = try (0..<count).map { _ in try Self.namespace(workspace) }
        self.router = router
        self.regions = regions
        try workspace.run(
            Self.enter(router) + [
                "sh", "-ec",
                "echo 1 >/proc/sys/net/ipv4/ip_forward; ip link set lo up; ip address add \(Self.routerAddress)/32 dev lo",
            ])
        for (index, region) in regions.enumerated() {
            let gateway = "10.\(index + 1).255.254"
            try workspace.run(
                Self.enter(router) + [
                    "sh", "-ec",
                    """
                    ip link add r\(index) type veth peer name line netns \(region.pid)
                    ip address add \(gateway)/16 dev r\(index)
                    ip link set r\(index) up
                    \(Self.limit("r\(index)"))
                    """,
                ])
            let addresses = (0..<hosts).map { "ip address add \(Self.address(region: index, host: $0))/16 dev line" }
            try workspace.run(
                Self.enter(region) + [
                    "sh", "-ec",
                    """
                    ip link set lo up
                    \(addresses.joined(separator: "\n"))
                    ip link set line up
                    ip route add default via \(gateway)
                    \(Self.limit("line"))
                    """,
                ])
        }
        isDelayed = regions.allSatisfy { region in
            let command =
                "tc qdisc add dev line parent 1:1 handle 2: netem delay \(Self.delay)ms limit 1000 2>/dev/null"
            return (try? workspace.run(Self.enter(region) + ["sh", "-c", command])) != nil
        }
    }

    /// A queue of a tenth of a second, as routers have them.
    private static func limit(_ device: String) -> String {
        "tc qdisc add dev \(device) root handle 1: tbf rate \(rate)bit burst 32kb latency 100ms"
    }

    /// A process that does nothing but hold a namespace.
    private static func namespace(_ workspace: Workspace) throws -> ChildProcess {
        let holder = try workspace.start(["unshare", "--net", "sleep", "infinity"])
        let own = FileSystem.readLink("/proc/self/ns/net")
        _ = try Interruption.wait(for: "a network namespace", within: .seconds(10)) { () -> Bool? in
            guard holder.isRunning else { throw holder.failure }
            let its = FileSystem.readLink("/proc/\(holder.pid)/ns/net")
            return its != nil && its != own ? true : nil
        }
        return holder
    }

    private static func enter(_ namespace: ChildProcess) -> [String] {
        ["nsenter", "--net=/proc/\(namespace.pid)/ns/net"]
    }

    /// What stands before a command that is to run in a region.
    func inRegion(_ region: Int) -> [String] { Self.enter(regions[region]) }

    /// What stands before a command that is to run at the router.
    var atRouter: [String] { Self.enter(router) }

    /// Bytes that have come into all regions from others so far, with the headers of all layers.
    func crossed() throws -> Int64 {
        try regions.reduce(0) { sum, region in
            // The device's name, and then what it received, in bytes first (proc_pid_net(5)).
            let table = String(
                decoding: FileManager.default.contents(atPath: "/proc/\(region.pid)/net/dev") ?? Data(), as: UTF8.self)
            let line = table.split(separator: "\n").first { $0.drop { $0 == " " }.hasPrefix("line:") }
            let fields = line?.split { $0 == " " || $0 == ":" } ?? []
            guard fields.count > 1, let bytes = Int64(fields[1]) else {
                throw BenchmarkError("/proc/\(region.pid)/net/dev has no line for the region's device")
            }
            return sum + bytes
        }
    }
}
