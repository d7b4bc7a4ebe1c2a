internal import NIOHTTP1
internal import SwarmCore
internal import TrackerCore

/// Where readers find the files of a set: answers for apt, dnf, and whoever follows a link.
struct Mirrors: Sendable {
    let tracker: Tracker

    /// The base URLs of a set, or the URLs of one file in it, one a line.
    func list(_ target: RequestTarget, _ address: IPAddress) -> Reply {
        guard let set = set(target) else {
            return .text(.badRequest, "Name a set: /mirrorlist?set=NAME, or /mirrorlist/NAME\n")
        }
        let choice = tracker.mirrorChoice(of: set, near: place(target, address))
        let path = target.parameters["path"].map { RequestTarget.encoded(path: $0) } ?? ""
        let lines = (choice?.mirrors ?? []).map { "\(Self.base($0.url, set))\(path)\n" }
        return .text(.ok, lines.joined(), headers: ["Cache-Control": "no-cache"])
    }

    /// Leads to a file at the nearest mirror, and names the next ones (RFC 6249).
    func redirect(_ path: [String], _ address: IPAddress) -> Reply {
        guard let set = SetName(path[1]) else { return Site.missing }
        let file = RequestTarget.encoded(path: path[2...].joined(separator: "/"))
        let choice = tracker.mirrorChoice(of: set, near: tracker.place(of: address))
        let mirrors = (choice?.mirrors ?? []).map { ($0, Self.base($0.url, set) + file) }
        guard let first = mirrors.first else { return Self.nobody(set) }
        var headers: HTTPHeaders = ["Location": first.1, "Cache-Control": "no-cache"]
        for (index, mirror) in mirrors.dropFirst().prefix(4).enumerated() {
            let place = mirror.0.country.map { "; geo=\($0.lowercased())" } ?? ""
            headers.add(name: "Link", value: "<\(mirror.1)>; rel=duplicate; pri=\(index + 2)\(place)")
        }
        if !file.isEmpty {
            let link = "</metalink?set=\(set)&path=\(file)>; rel=describedby; type=\"\(MetalinkDocument.mediaType)\""
            headers.add(name: "Link", value: link)
        }
        return .text(.found, "\(first.1)\n", headers: headers)
    }

    /// A Metalink of a file as readers see it now. `accept` is the request's header of that name.
    func metalink(_ target: RequestTarget, _ address: IPAddress, accept: String) async -> Reply {
        guard let set = set(target), var path = target.parameters["path"] else {
            return .text(.badRequest, "Name a set and a file: /metalink?set=NAME&path=PATH\n")
        }
        while path.utf8.first == UInt8(ascii: "/") { path.removeFirst() }
        guard let choice = tracker.mirrorChoice(of: set, near: place(target, address)), !choice.mirrors.isEmpty else {
            return Self.nobody(set)
        }
        let key = SnapshotKey(set, choice.snapshot)
        guard await tracker.files.knows(key) else {
            return .text(
                .serviceUnavailable,
                "Readers see snapshot \(choice.serial) of \(set), which the feed that was read last does not list.\n",
                headers: ["Retry-After": "10"])
        }
        let file: KnownFile?
        do {
            file = try await tracker.files.file(path, in: key)
        } catch {
            return .text(.serviceUnavailable, "\(error)\n", headers: ["Retry-After": "10"])
        }
        guard let file else {
            return .text(.notFound, "Snapshot \(choice.serial) of \(set), which readers see, has no such file.\n")
        }
        let encoded = RequestTarget.encoded(path: path)
        let document = MetalinkDocument(
            path: path, file: file, places: choice.mirrors.map { (Self.base($0.url, set) + encoded, $0.country) },
            time: tracker.date, hasOldVersion: !accept.contains(MetalinkDocument.mediaType))
        return Reply(
            type: MetalinkDocument.mediaType, body: Array(document.text.utf8),
            headers: ["Cache-Control": "no-cache", "Vary": "Accept"])
    }

    // MARK: Parts

    /// From the path, or from the parameter.
    private func set(_ target: RequestTarget) -> SwarmCore.SetName? {
        (target.path.count == 2 ? target.path[1] : target.parameters["set"]).flatMap { SetName($0) }
    }

    private func place(_ target: RequestTarget, _ address: IPAddress) -> Place {
        target.parameters["country"].map { Place(country: $0.uppercased()) } ?? tracker.place(of: address)
    }

    private static func nobody(_ set: SwarmCore.SetName) -> Reply {
        .text(.serviceUnavailable, "No node has \(set) ready for readers.\n", headers: ["Retry-After": "60"])
    }

    /// Where a node has the files of a set.
    private static func base(_ url: String, _ set: SwarmCore.SetName) -> String {
        (url.hasSuffix("/") ? url : url + "/") + "\(set)/"
    }
}
