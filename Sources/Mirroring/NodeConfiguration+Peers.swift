internal import AddressDatabase
internal import ConfigurationFile
internal import SwarmCore
internal import TorrentEngine

extension NodeConfiguration {
    /// The table `[peers]`. Databases are read here, once: another one is read when the configuration is.
    static func peers(_ root: OneOrMany) -> PeerRules {
        guard let table = root.table.table("peers"), let probe = root.probe.table("peers") else { return PeerRules() }
        let lists = OneOrMany(table: table, probe: probe)
        func selectors(_ key: String) -> [PeerSelector] {
            lists.values(key, expected: PeerSelector.rule) { PeerSelector($0) } ?? []
        }
        let entries: [(key: String, list: PeerRules.List, selectors: [PeerSelector])] = [
            ("near", .near, selectors("near")), ("far", .far, selectors("far")), ("block", .block, selectors("block")),
            ("allow", .allow, selectors("allow")),
        ]
        func of(_ list: PeerRules.List) -> [PeerSelector] { entries.first { $0.list == list }?.selectors ?? [] }
        func prefixes(_ list: PeerRules.List) -> [IPPrefix] {
            of(list).compactMap { if case .prefix(let prefix) = $0 { prefix } else { nil } }
        }
        var rules = PeerRules(
            near: prefixes(.near), far: prefixes(.far), block: prefixes(.block), allow: prefixes(.allow))
        rules.nearUploadPriority = table.int("near-upload-priority", in: 1...255, default: 1)
        rules.farUploadLimit = Int(rate(table, "far-upload-limit"))
        rules.farDownloadLimit = Int(rate(table, "far-download-limit"))
        for selector in of(.far) where of(.near).contains(selector) {
            table.reject("far", "\(selector.name) is near already; a peer is the one or the other")
        }
        for selector in of(.allow) where of(.block).contains(selector) {
            table.reject("allow", "\(selector.name) is blocked already")
        }
        if of(.near).isEmpty, table.has("near-upload-priority") {
            table.reject("near-upload-priority", "no peer is near; name some: near = [\"192.0.2.0/24\"]")
        }
        for key in ["far-upload-limit", "far-download-limit"] where of(.far).isEmpty && table.has(key) {
            table.reject(key, "no peer is far; name some: far = [\"0.0.0.0/0\", \"::/0\"]")
        }
        rules.networks = networks(lists, entries)
        return rules
    }

    /// The addresses of the autonomous systems and countries in the lists.
    private static func networks(
        _ lists: OneOrMany, _ entries: [(key: String, list: PeerRules.List, selectors: [PeerSelector])]
    ) -> [PeerRules.NamedNetworks] {
        let table = lists.table
        let wanted = Set(entries.flatMap(\.selectors).filter { $0.kind != nil })
        let paths =
            lists.values("databases", expected: "an absolute path of a database") { $0.hasPrefix("/") ? $0 : nil } ?? []
        guard !wanted.isEmpty else {
            if !paths.isEmpty {
                table.reject("databases", "no list names an AS or a country, so that no database is needed")
            }
            return []
        }
        var found = SelectedNetworks()
        for path in paths {
            do throws(MaxMindDatabase.Failure) {
                try found.add(try MaxMindDatabase(path: path), wanted)
            } catch {
                table.reject("databases", "\(path) cannot be used as a database of addresses: \(error)")
                return []
            }
        }
        for entry in entries {
            for selector in entry.selectors {
                guard let kind = selector.kind, !found.kinds.contains(kind) else { continue }
                let (what, file) =
                    kind == .country
                    ? ("countries", "GeoLite2-Country.mmdb") : ("autonomous systems", "GeoLite2-ASN.mmdb")
                table.reject(
                    entry.key,
                    "\(selector.name) needs a database of \(what), such as databases = [\"/var/lib/GeoIP/\(file)\"]")
            }
        }
        guard found.count <= SelectedNetworks.limit else {
            table.reject(
                "databases",
                "the lists come to \(found.count) blocks of addresses; \(SelectedNetworks.limit) are the most: name fewer "
                    + "countries, or what is left of them")
            return []
        }
        return entries.flatMap { entry in
            entry.selectors.compactMap { selector in
                selector.kind.map {
                    PeerRules.NamedNetworks(
                        selector.name, $0, in: entry.list, prefixes: found.prefixes[selector] ?? [])
                }
            }
        }
    }
}
