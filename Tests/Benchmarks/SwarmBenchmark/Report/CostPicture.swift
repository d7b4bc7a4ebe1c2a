/// What an update of 1 % costs, against the number of mirrors and the number of files.
public enum CostPicture {
    private static let lines: [(technique: Technique, name: String)] = [
        (.swarm, "swarm-mirror"), (.rsync, "rsync"), (.quick, "quick-fedora-mirror"), (.stockTorrent, "plain torrent"),
    ]

    /// The picture of a run; a chart needs measurements at two places at least.
    public static func draw(_ distributions: [Distribution]) -> Picture {
        let tiny = distributions.filter { $0.tree == TreeShape.tiny(files: 1).name && $0.work == .update }
        return Picture([byMirrors(tiny), byFiles(tiny)].compactMap { $0 })
    }

    /// Serving alone: what each further mirror adds.
    private static func byMirrors(_ updates: [Distribution]) -> Chart? {
        let sizes = Dictionary(grouping: updates) { $0.files }.mapValues { Set($0.map(\.mirrors)).count }
        guard let (files, count) = sizes.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }), count > 1 else {
            return nil
        }
        let series = lines.prefix(3).map { line in
            Chart.Series(
                line.name,
                last(updates.filter { $0.technique == line.technique && $0.files == files }, by: \.mirrors)
                    .map { (Double($0.mirrors), $0.masterCPU) })
        }
        return Chart(
            title: "CPU of the master: 1 % of \(Picture.short(Double(files))) files changed", xLabel: "mirrors",
            series: Array(series))
    }

    /// Everything: finding the change, serving it, and one mirror.
    private static func byFiles(_ updates: [Distribution]) -> Chart? {
        let single = updates.filter { $0.mirrors == 1 }
        guard Set(single.map(\.files)).count > 1 else { return nil }
        let series = lines.map { line in
            Chart.Series(
                line.name,
                last(single.filter { $0.technique == line.technique }, by: \.files).map {
                    (Double($0.files), $0.publishCPU + $0.masterCPU + $0.mirrorCPU)
                })
        }
        return Chart(title: "CPU of master and one mirror: 1 % changed", xLabel: "files", series: series)
    }

    /// The last measurement for each value of `key`, in its order.
    private static func last(_ distributions: [Distribution], by key: KeyPath<Distribution, Int>) -> [Distribution] {
        Dictionary(distributions.map { ($0[keyPath: key], $0) }, uniquingKeysWith: { $1 }).sorted { $0.key < $1.key }
            .map(\.value)
    }
}
