import Foundation

/// What the works of one run have found, in order.
public final class Ledger {
    /// What it cost to bring mirrors up to date.
    public private(set) var distributions: [Distribution] = []
    private var unsorted: [Row] = []
    /// Costs of one request, by name, for works that compare with others.
    var pollCPU: Double?
    private let progress: (String) -> Void
    private let started = ContinuousClock.now

    /// `progress` gets a line about each step.
    public init(progress: @escaping (String) -> Void) { self.progress = progress }

    /// Tells what is being done.
    func step(_ text: String) {
        let time = String(Int((ContinuousClock.now - started).seconds))
        progress("\(String(repeating: " ", count: max(0, 4 - time.count)))\(time) s  \(text)")
    }

    func add(_ row: Row) { unsorted.append(row) }

    /// The lines of the table, section by section.
    public var rows: [Row] {
        var sections: [String] = []
        for row in unsorted where !sections.contains(row.section) { sections.append(row.section) }
        return sections.flatMap { section in unsorted.filter { $0.section == section } }
    }

    func add(_ distribution: Distribution) {
        distributions.append(distribution)
        let cost = distribution
        step(
            "  \(cost.technique.rawValue), \(cost.work.rawValue), \(cost.mirrors) mirrors: "
                + "\(Quantity.seconds(cost.wall)), CPU of the master \(Quantity.seconds(cost.masterCPU)), "
                + "of the mirrors \(Quantity.seconds(cost.mirrorCPU)); "
                + "\(Quantity.bytes(Double(cost.bytesFromMaster))) from the master")
    }

    /// The measurement of a technique: of the update with a number, or of the last one.
    func find(
        _ technique: Technique, _ work: Distribution.Work, tree: String, files: Int, mirrors: Int, update: Int? = nil
    ) -> Distribution? {
        distributions.last {
            $0.technique == technique && $0.work == work && $0.tree == tree && $0.files == files
                && $0.mirrors == mirrors && (update == nil || $0.update == update)
        }
    }
}
