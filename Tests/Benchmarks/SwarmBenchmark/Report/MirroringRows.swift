/// The lines of the table that compare how a tree was mirrored, from the measurements in a ledger.
struct MirroringRows {
    let section: String
    let shape: TreeShape
    let ledger: Ledger

    private func find(
        _ technique: Technique, _ work: Distribution.Work, _ mirrors: Int, update: Int? = nil
    ) -> Distribution? {
        ledger.find(technique, work, tree: shape.name, files: shape.files, mirrors: mirrors, update: update)
    }

    /// An update by another technique, and ours of the same change.
    private func updates(_ technique: Technique, _ mirrors: Int) -> (ours: Distribution, peer: Distribution)? {
        guard let peer = find(technique, .update, mirrors),
            let ours = find(.swarm, .update, mirrors, update: peer.update)
        else { return nil }
        return (ours, peer)
    }

    private func add(
        _ work: String, _ unit: (Double) -> Quantity, _ ours: Double, _ peerName: String, _ peer: Double,
        goal: Goal? = nil
    ) {
        ledger.add(Row(section, work, unit(ours), against: peerName, unit(peer), goal: goal))
    }

    private var isTiny: Bool { shape.medianSize < 10_000 }

    private var share: String { "\(Int((shape.changedShare * 100).rounded())) %" }

    private static func name(_ mirrors: Int) -> String { mirrors == 1 ? "1 mirror" : "\(mirrors) mirrors" }

    // MARK: Parts

    /// First synchronisations, updates, and looks that find nothing.
    func addAll(_ mirrors: [Int]) {
        for count in mirrors {
            guard let ours = find(.swarm, .first, count), let rsync = find(.rsync, .first, count) else { continue }
            compare("first sync, \(Self.name(count))", ours, rsync, "rsync")
        }
        addUpdates(mirrors)
        for count in mirrors { addUnchanged(count) }
    }

    /// Updates of a small share.
    func addUpdates(_ mirrors: [Int]) {
        for count in mirrors {
            let name = "\(share), \(Self.name(count))"
            if let (ours, rsync) = updates(.rsync, count) {
                // On large files serving costs the same, however they are carried.
                let isJudged = count == 8 && isTiny
                compare(name, ours, rsync, "rsync", masterGoal: isJudged ? .ratio(atMost: 0.2) : nil)
                add(
                    "\(name): master CPU with publishing", Quantity.seconds, ours.masterCPU + ours.publishCPU, "rsync",
                    rsync.masterCPU)
            }
            if let (ours, quick) = updates(.quick, count) {
                compare(name, ours, quick, "quick-fedora-mirror", wallGoal: .ratio(atMost: 1))
                add(
                    "\(name): master CPU with publishing", Quantity.seconds, ours.masterCPU + ours.publishCPU,
                    "quick-fedora-mirror", quick.masterCPU + quick.publishCPU)
            }
            if let (ours, torrent) = updates(.stockTorrent, count) {
                compare(name, ours, torrent, "torrent per snapshot")
            }
            guard let ours = find(.swarm, .update, count) else { continue }
            // Of a large file whole blocks are fetched; the goal is about small ones, which are packed.
            add(
                "\(name): content to each", Quantity.bytes, Double(ours.bytesContent) / Double(count), "new bytes",
                Double(ours.bytesNew), goal: isTiny ? .ratio(atMost: 1.05) : nil)
        }
    }

    /// What each further mirror costs the master.
    func addGrowth(_ mirrors: [Int]) {
        for count in mirrors {
            guard let (ours, rsync) = updates(.rsync, count) else { continue }
            add(
                "\(share), \(Self.name(count)): master CPU", Quantity.seconds, ours.masterCPU, "rsync", rsync.masterCPU)
        }
        if let eight = masterCPU(8), let many = masterCPU(32) {
            add(
                "\(share), 32 mirrors: master CPU", Quantity.seconds, many, "8 mirrors", eight,
                goal: .ratio(atMost: 1.3))
        }
    }

    /// Of the two updates that are compared with other techniques, the mean.
    private func masterCPU(_ mirrors: Int) -> Double? {
        let updates = [3, 4].compactMap { find(.swarm, .update, mirrors, update: $0)?.masterCPU }
        return updates.isEmpty ? nil : updates.reduce(0, +) / Double(updates.count)
    }

    // MARK: Lines

    private func compare(
        _ name: String, _ ours: Distribution, _ peer: Distribution, _ peerName: String, wallGoal: Goal? = nil,
        masterGoal: Goal? = nil
    ) {
        add("\(name): wall", Quantity.seconds, ours.wall, peerName, peer.wall, goal: wallGoal)
        add("\(name): master CPU", Quantity.seconds, ours.masterCPU, peerName, peer.masterCPU, goal: masterGoal)
        add("\(name): mirror CPU", Quantity.seconds, ours.mirrorCPU, peerName, peer.mirrorCPU)
        add(
            "\(name): bytes from the master", Quantity.bytes, Double(ours.bytesFromMaster), peerName,
            Double(peer.bytesFromMaster))
    }

    /// Nodes that ask and find nothing new, beside mirrors that look at all files.
    private func addUnchanged(_ count: Int) {
        guard let poll = ledger.pollCPU, let rsync = find(.rsync, .unchanged, count) else { return }
        add(
            "no change, \(Self.name(count)): master CPU", Quantity.seconds, poll * Double(count), "rsync",
            rsync.masterCPU, goal: count == 8 ? .ratio(atMost: 0.05) : nil)
    }
}
