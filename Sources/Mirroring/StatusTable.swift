public import FoundationEssentials
public import SwarmCore

/// The status of a node as text for people: a line for the daemon, then for each set a header and its snapshots.
///
///     debian  current 42 6f1c2a9e  feed 17  from https://master.example.org
///       43  9d8e7f6a  fetching  phase 4  [########........]  52%  1.3 GB of 2.4 GB
///         linked 98.2 GB  fetched 1.3 GB  master 300.0 MB  peers 1.0 GB  HTTP 0 B
///         down 10.2 MB/s  12 peers  ETA 1m 49s
///
/// No line is wider than asked for: what does not fit goes on in the next, and nothing is cut off. Characters that
/// would move a terminal's cursor or turn the direction of writing are shown as escapes.
public struct StatusTable: Sendable {
    private let width: Int
    private let color: Bool
    private let now: Date
    private let blocks: Bool

    /// A table of `width` columns (20 at least), with colours for a terminal, as seen at `now`; with `blocks`, the bars
    /// are drawn with Unicode's block elements.
    public init(width: Int, color: Bool, now: Date, blocks: Bool = false) {
        self.width = max(20, width)
        self.color = color
        self.now = now
        self.blocks = blocks
    }

    /// The text, each line with a newline at its end.
    public func render(_ status: NodeStatus) -> String {
        var page = StatusPage(width: width, color: color)
        var title = [StatusField("swarm-node \(status.version)")]
        if let pid = status.pid {
            title.append(StatusField("process \(pid)"))
        } else {
            title.append(StatusField("no daemon is running; this is what it left on disk", .yellow))
        }
        page.add(title, indent: 0, continuation: 2)
        if let traffic = status.traffic { add(traffic, to: &page) }
        if status.sets.isEmpty { page.add([StatusField("no sets")], indent: 0) }
        for set in status.sets {
            page.addBlank()
            add(set, to: &page)
        }
        return page.text
    }

    private func add(_ traffic: NodeStatus.PeerTraffic, to page: inout StatusPage) {
        func field(_ name: String, _ received: Int64, _ sent: Int64) -> StatusField {
            StatusField(
                "\(name) \(Quantities.format(bytes: received)) received, \(Quantities.format(bytes: sent)) sent")
        }
        page.add(
            [
                StatusField("peers since the start"), field("near", traffic.receivedNear, traffic.sentNear),
                field("far", traffic.receivedFar, traffic.sentFar), field("all", traffic.received, traffic.sent),
            ], indent: 2, continuation: 4)
    }

    private func add(_ set: NodeStatus.SetStatus, to page: inout StatusPage) {
        var header = [StatusField(set.set.rawValue, .bold)]
        if let current = set.current {
            header.append(StatusField("current \(current.serial) \(Self.short(current.uuid))"))
        } else {
            header.append(StatusField("nothing is current yet"))
        }
        header.append(StatusField(set.feedVersion == 0 ? "no feed yet" : "feed \(set.feedVersion)"))
        header.append(StatusField("from \(set.upstream)"))
        header.append(StatusField("in \(set.root)"))
        page.add(header, indent: 0, continuation: 2)
        addError(set.error, indent: 2, to: &page)
        if set.snapshots.isEmpty { page.add([StatusField("no snapshots yet")], indent: 2) }
        let digits = set.snapshots.map { String($0.serial).count }.max() ?? 0
        for snapshot in set.snapshots { add(snapshot, digits: digits, to: &page) }
    }

    private func add(_ snapshot: NodeStatus.Snapshot, digits: Int, to page: inout StatusPage) {
        let serial = String(snapshot.serial)
        var line = [StatusField(String(repeating: " ", count: digits - serial.count) + serial)]
        line.append(StatusField(Self.short(snapshot.uuid)))
        line.append(Self.state(snapshot.state))
        if let phase = snapshot.phase { line.append(StatusField("phase \(phase)")) }
        if snapshot.state == .fetching { line += progress(snapshot) }
        line += activation(snapshot)
        page.add(line, indent: 2, continuation: 4)
        page.add(Self.sources(snapshot), indent: 4)
        page.add(traffic(snapshot), indent: 4)
        addError(snapshot.error, indent: 4, to: &page)
    }

    private static func short(_ snapshot: SnapshotID) -> String { String(snapshot.rawValue.prefix(8)) }

    private static func state(_ state: NodeStatus.State) -> StatusField {
        // As wide as the longest, so that what follows is in columns.
        switch state {
        case .fetching: StatusField("fetching", .cyan)
        case .ready: StatusField("ready   ", .yellow)
        case .active: StatusField("active  ", .green)
        case .retained: StatusField("retained", .faint)
        }
    }

    private func progress(_ snapshot: NodeStatus.Snapshot) -> [StatusField] {
        guard snapshot.bytesWanted > 0 else {
            return snapshot.filesWanted == 0
                ? [] : [StatusField("\(snapshot.filesDone) of \(Self.count(snapshot.filesWanted, "file"))")]
        }
        let done = min(max(snapshot.bytesDone, 0), snapshot.bytesWanted)
        let fraction = Double(done) / Double(snapshot.bytesWanted)
        // 100 % is said when all is there, and not before.
        let percent = done == snapshot.bytesWanted ? 100 : min(99, Int(fraction * 100))
        let figures = String(percent)
        return [
            StatusField("\(bar(fraction)) \(String(repeating: " ", count: 3 - figures.count))\(figures)%"),
            StatusField("\(Self.bytes(done)) of \(Self.bytes(snapshot.bytesWanted))"),
        ]
    }

    private func bar(_ fraction: Double) -> String {
        let cells = min(30, max(5, width - 64))
        guard blocks else {
            let full = Int(fraction * Double(cells))
            return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: cells - full) + "]"
        }
        let eighths = Int(fraction * Double(cells * 8))
        var bar = String(repeating: "█", count: eighths / 8)
        if eighths % 8 > 0 { bar += ["▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8 - 1] }
        return "[" + bar + String(repeating: " ", count: cells - (eighths + 7) / 8) + "]"
    }

    private func activation(_ snapshot: NodeStatus.Snapshot) -> [StatusField] {
        switch snapshot.state {
        case .active: return snapshot.activated.map { [StatusField("since \(Self.time($0))")] } ?? []
        case .retained: return snapshot.activated.map { [StatusField("activated \(Self.time($0))")] } ?? []
        case .fetching, .ready: break
        }
        var fields: [StatusField] = []
        if snapshot.hold { fields.append(StatusField("held by the master", .yellow)) }
        if let time = snapshot.notBefore, time > now {
            let wait = Quantities.format(duration: .seconds(Self.whole(time.timeIntervalSince(now))))
            fields.append(StatusField("\(snapshot.hold ? "not before" : "activates") \(Self.time(time)) (in \(wait))"))
        } else if snapshot.state == .ready, !snapshot.hold {
            fields.append(StatusField("activates now"))
        }
        return fields
    }

    private static func sources(_ snapshot: NodeStatus.Snapshot) -> [StatusField] {
        [
            StatusField("linked \(bytes(snapshot.bytesLinked))"),
            StatusField("fetched \(bytes(snapshot.bytesFetched))"),
            StatusField("master \(bytes(snapshot.bytesFromMaster))"),
            StatusField("peers \(bytes(snapshot.bytesFromPeers))"),
            StatusField("HTTP \(bytes(snapshot.bytesFromHTTP))"),
        ] + distances(snapshot)
    }

    /// Of the bytes from peers, those that came from near and from far ones, where the node tells them apart.
    private static func distances(_ snapshot: NodeStatus.Snapshot) -> [StatusField] {
        guard snapshot.bytesFromPeers > 0, let near = snapshot.bytesFromNearPeers, let far = snapshot.bytesFromFarPeers
        else { return [] }
        return [StatusField("near peers \(bytes(near))"), StatusField("far peers \(bytes(far))")]
    }

    private func traffic(_ snapshot: NodeStatus.Snapshot) -> [StatusField] {
        let isFetching = snapshot.state == .fetching
        var fields: [StatusField] = []
        if isFetching { fields.append(StatusField("down \(Self.bytes(Int64(snapshot.downloadRate)))/s")) }
        if snapshot.uploadRate > 0 { fields.append(StatusField("up \(Self.bytes(Int64(snapshot.uploadRate)))/s")) }
        if isFetching || snapshot.peers > 0 { fields.append(StatusField(Self.count(snapshot.peers, "peer"))) }
        let missing = Double(snapshot.bytesWanted) - Double(snapshot.bytesDone)
        if isFetching, snapshot.downloadRate > 0, missing > 0 {
            let left = Self.whole(missing / Double(snapshot.downloadRate))
            fields.append(StatusField("ETA \(Quantities.format(duration: .seconds(left)))"))
        }
        return fields
    }

    private func addError(_ error: String?, indent: Int, to page: inout StatusPage) {
        guard let error else { return }
        let words = StatusField.escaped("error: \(error)").split(separator: " ").map { StatusField(String($0), .red) }
        page.add(words, indent: indent, continuation: indent + 2, separator: " ")
    }

    private static func bytes(_ count: Int64) -> String { Quantities.format(bytes: count) }

    private static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    /// Seconds rounded up, within a thousand years.
    private static func whole(_ seconds: Double) -> Int64 {
        Int64(min(max(seconds.rounded(.up), 0), 1000 * 365 * 86_400))
    }

    private static func time(_ date: Date) -> String { Quantities.format(utc: date) }
}

/// A part of a line that stays in one piece where it can.
private struct StatusField {
    /// How a field is shown, as the parameter of ECMA-48's SGR.
    enum Style: String {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    let text: String
    let style: Style?

    init(_ text: String, _ style: Style? = nil) {
        self.text = Self.escaped(text)
        self.style = style
    }

    /// The text with escapes for the characters that a terminal acts on: controls, formats (which turn the direction of
    /// writing) and ends of lines.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result += scalar == "\n" ? "\\n" : "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Fields laid out in lines of limited width.
private struct StatusPage {
    let width: Int
    let color: Bool
    private(set) var text = ""

    init(width: Int, color: Bool) {
        self.width = width
        self.color = color
    }

    mutating func addBlank() { text += "\n" }

    /// Adds fields, in as many lines as they need; all lines but the first are indented by `continuation`.
    mutating func add(_ fields: [StatusField], indent: Int, continuation: Int? = nil, separator: String = "  ") {
        guard !fields.isEmpty else { return }
        let next = continuation ?? indent
        var line: [StatusField] = []
        var start = indent
        var column = indent
        for field in fields {
            for (index, piece) in Self.pieces(of: field, width: width - max(indent, next)).enumerated() {
                let size = Self.columns(piece.text)
                if index > 0 || (!line.isEmpty && column + separator.count + size > width) {
                    end(line, indent: start, separator)
                    line = []
                    start = next
                    column = next
                }
                column += (line.isEmpty ? 0 : separator.count) + size
                line.append(piece)
            }
        }
        end(line, indent: start, separator)
    }

    private mutating func end(_ line: [StatusField], indent: Int, _ separator: String) {
        text += String(repeating: " ", count: indent)
        for (index, field) in line.enumerated() {
            let isLast = index == line.count - 1
            let shown = isLast ? Self.withoutTrailingSpaces(field.text) : field.text
            if color, let style = field.style {
                text += "\u{1b}[\(style.rawValue)m\(shown)\u{1b}[0m"
            } else {
                text += shown
            }
            if !isLast { text += separator }
        }
        text += "\n"
    }

    private static func withoutTrailingSpaces(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }

    /// A field cut so that each piece fits.
    private static func pieces(of field: StatusField, width: Int) -> [StatusField] {
        guard columns(field.text) > width else { return [field] }
        var pieces: [StatusField] = []
        var piece = ""
        var size = 0
        for character in field.text {
            let columns = columns(of: character)
            if size + columns > width {
                pieces.append(StatusField(piece, field.style))
                piece = ""
                size = 0
            }
            piece.append(character)
            size += columns
        }
        return pieces + [StatusField(piece, field.style)]
    }

    private static func columns(_ text: String) -> Int { text.reduce(0) { $0 + columns(of: $1) } }

    /// Two for the wide characters of East Asian scripts and for pictures (UAX #11), one for all others.
    private static func columns(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            return 2
        default: return 1
        }
    }
}
