internal import ConfigurationFile

/// How the claims of nodes are checked: the table `[probes]` of the configuration.
public struct ProbeConfiguration: Sendable, Hashable {
    /// Whether they are.
    public var isEnabled = true
    /// From the beginning of one round to that of the next one, whichever node it is.
    public var interval: Duration = .seconds(1)
    /// From one round of a node's set to its next, as a mean.
    public var perNode: Duration = .seconds(600)
    /// How many rounds may be under way at once.
    public var width = 8
    /// How many entry points a round asks for, beside a part of one other file.
    public var entryPoints = 3
    /// How long one answer may take.
    public var timeout: Duration = .seconds(30)
    /// After a failure: how long a node's report of a switch may take to come, before it is asked again.
    public var pause: Duration = .seconds(20)
    /// Whether private, loopback and link-local addresses are probed.
    public var allowsPrivate = false

    /// The defaults.
    public init() {}

    init(_ root: ConfigurationTable) {
        guard let table = root.table("probes") else { return }
        isEnabled = table.bool("enabled", default: isEnabled)
        interval = table.duration("interval", in: .milliseconds(100) ... .seconds(3600), default: interval)
        perNode = table.duration("per-node", in: .seconds(1) ... .seconds(86_400), default: perNode)
        width = table.int("at-once", in: 1...100, default: width)
        entryPoints = table.int("entry-points", in: 0...100, default: entryPoints)
        timeout = table.duration("timeout", in: .seconds(1) ... .seconds(600), default: timeout)
        pause = table.duration("pause", in: .seconds(1) ... .seconds(600), default: pause)
        allowsPrivate = table.bool("allow-private", default: allowsPrivate)
    }
}
