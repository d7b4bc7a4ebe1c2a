import SwarmCore
import Testing

struct PriorityRulesTests {
    static let apt: [(path: String, priority: Priority)] = [
        ("dists/sid/Release", .entryPoint), ("dists/sid/InRelease", .entryPoint),
        ("dists/sid/Release.gpg", .entryPoint), ("dists/Release", .entryPoint),
        ("dists/sid/main/binary-amd64/Release", .entryPoint),
        ("dists/sid/main/binary-amd64/Packages.xz", .metadata), ("dists/README", .metadata),
        ("dists/sid/xRelease", .metadata), ("dists/sid/Releases", .metadata), ("dists/sid/release", .metadata),
        ("Release", .payload), ("dists", .payload), ("distsx/Release", .payload), ("x/dists/sid/Release", .payload),
        ("pool/main/a/a_1.deb", .payload), ("", .payload),
    ]

    static let rpmMD: [(path: String, priority: Priority)] = [
        ("repodata/repomd.xml", .entryPoint), ("repodata/repomd.xml.asc", .entryPoint),
        ("releases/41/Everything/x86_64/os/repodata/repomd.xml", .entryPoint),
        ("a/repodata/primary.xml.gz", .metadata), ("repodata/x/y", .metadata), ("repodata/x/repomd.xml", .metadata),
        ("repodata/repodata/repomd.xml", .entryPoint), ("a/repodata/repomd.xm", .metadata),
        ("repodata", .payload), ("a/repodata", .payload), ("xrepodata/repomd.xml", .payload),
        ("repodatax/repomd.xml", .payload), ("repomd.xml", .payload), ("Packages/a/a.rpm", .payload), ("", .payload),
    ]

    @Test("apt: the files below dists")
    func aptPreset() throws {
        let rules = try PriorityRules(preset: .apt)
        for (path, priority) in Self.apt { #expect(rules.priority(of: path) == priority, "\(path)") }
    }

    @Test("rpm-md: the files below each repodata")
    func rpmMDPreset() throws {
        let rules = try PriorityRules(preset: .rpmMD)
        for (path, priority) in Self.rpmMD { #expect(rules.priority(of: path) == priority, "\(path)") }
    }

    @Test("the hand-written checks agree with the globs that they stand for")
    func presetsAsGlobs() throws {
        let top = try PriorityRules(
            preset: .plain,
            overrides: [
                ("dists/**/{Release,InRelease,Release.gpg}", .entryPoint), ("dists/**", .metadata),
            ])
        for (path, priority) in Self.apt { #expect(top.priority(of: path) == priority, "\(path)") }
        let deep = try PriorityRules(
            preset: .plain,
            overrides: [("**/repodata/repomd.xml*", .entryPoint), ("**/repodata/**", .metadata)])
        for (path, priority) in Self.rpmMD { #expect(deep.priority(of: path) == priority, "\(path)") }
    }

    @Test("the first override that matches wins, then the preset")
    func overrides() throws {
        let urgent = try #require(Priority(7))
        let rules = try PriorityRules(
            preset: .apt, overrides: [("*.iso", urgent), ("*", .metadata), ("dists/**", .payload)])
        #expect(rules.priority(of: "cd/a.iso") == urgent)
        #expect(rules.priority(of: "dists/sid/Release") == .metadata)
        let narrow = try PriorityRules(preset: .apt, overrides: [("dists/*/Contents-*", .payload)])
        #expect(narrow.priority(of: "dists/sid/Contents-amd64.gz") == .payload)
        #expect(narrow.priority(of: "dists/sid/Release") == .entryPoint)
        #expect(try PriorityRules(preset: .plain).priority(of: "dists/sid/Release") == .payload)
        #expect(throws: GlobError.self) { try PriorityRules(preset: .plain, overrides: [("[", .payload)]) }
    }

    @Test("the preset is seen in the root, or in the paths")
    func detection() {
        #expect(Preset.detect(hasDirectory: { $0 == "dists" }, hasFile: { _ in false }) == .apt)
        #expect(Preset.detect(hasDirectory: { _ in false }, hasFile: { $0 == "repodata/repomd.xml" }) == .rpmMD)
        #expect(Preset.detect(hasDirectory: { _ in false }, hasFile: { _ in false }) == .plain)
        #expect(Preset.detect(among: ["a", "x/repodata/repomd.xml"]) == .rpmMD)
        #expect(Preset.detect(among: ["x/repodata/repomd.xml", "dists/sid/InRelease"]) == .apt)
        #expect(Preset.detect(among: ["dists/readme", "a"]) == .plain)
        #expect(Preset(rawValue: "rpm-md") == .rpmMD)
    }
}
