internal import SwarmCore
internal import TrackerCore

/// The tracker's figures in Prometheus' text format (version 0.0.4).
enum Metrics {
    static func text(of tracker: Tracker) -> [UInt8] {
        let report = tracker.report()
        var text = ""
        func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Int64)]) {
            text += "# HELP swarm_tracker_\(name) \(help)\n# TYPE swarm_tracker_\(name) \(type)\n"
            for sample in samples {
                text += "swarm_tracker_\(name)\(sample.labels.isEmpty ? "" : "{\(sample.labels)}") \(sample.value)\n"
            }
        }
        family("peers", "gauge", "Peers, each counted in every swarm that it is in.", [("", Int64(report.peers))])
        family("swarms", "gauge", "Torrents with peers.", [("", Int64(report.swarms))])
        family("nodes", "gauge", "Registered nodes.", [("", Int64(report.nodes))])
        family(
            "nodes_reporting", "gauge", "Registered nodes whose last report is fresh.", [("", Int64(report.reporting))])
        family(
            "requests_total", "counter", "Requests by kind.",
            RequestCounters.Kind.allCases.map { ("kind=\"\($0.name)\"", Int64(tracker.counters.value($0))) })
        let newest = report.sets.compactMap { set in set.snapshots.first.map { (set.set, $0) } }
        family(
            "newest_serial", "gauge", "Serial of a set's newest snapshot.",
            newest.map { ("set=\"\($0.0)\"", Int64(clamping: $0.1.serial)) })
        family(
            "newest_nodes", "gauge", "Nodes by how far they are with a set's newest snapshot.",
            newest.flatMap { set, snapshot in
                SnapshotStanding.State.allCases.map {
                    ("set=\"\(set)\",state=\"\($0.rawValue)\"", Int64(snapshot.count($0)))
                }
            })
        family(
            "newest_bytes_had", "gauge", "Bytes of a set's newest snapshot that the nodes have.",
            newest.map { ("set=\"\($0.0)\"", $0.1.nodes.reduce(0) { $0 + $1.bytesHad }) })
        family(
            "newest_bytes_wanted", "gauge", "Bytes of a set's newest snapshot that the nodes want.",
            newest.map { ("set=\"\($0.0)\"", $0.1.nodes.reduce(0) { $0 + $1.bytesTotal }) })
        family(
            "newest_bytes_from", "gauge",
            "Bytes of a set's newest snapshot by where they came from; peers are those that are called neither near nor far.",
            newest.flatMap { set, snapshot in
                let traffic = snapshot.traffic
                let sources = traffic.sources.map { ($0.source.rawValue, $0.bytes) }
                return ([("linked", traffic.linked)] + sources).map { ("set=\"\(set)\",source=\"\($0)\"", $1) }
            })
        family(
            "probe_rounds_total", "counter", "Rounds of probes by their verdict.",
            tracker.probeRoundCounts.sorted { $0.key < $1.key }
                .map { ("verdict=\"\($0.key)\"", Int64($0.value)) })
        family(
            "suspect_nodes", "gauge", "Nodes whose readers get something else than they report.",
            newest.map { ("set=\"\($0.0)\"", Int64($0.1.nodes.count { $0.suspicion != nil })) })
        return Array(text.utf8)
    }
}
