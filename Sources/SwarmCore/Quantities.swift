public import FoundationEssentials

/// Durations, moments and byte counts as administrators write them, in configuration files and on command lines.
public enum Quantities {
    /// What `duration` takes, for error messages.
    public static let durationRule = "a duration such as 30s, 15m, 1h30m or 2d"
    /// What `bytes` takes, for error messages.
    public static let bytesRule = "a number of bytes such as 512KiB, 10MB or 1.5GB"

    private static let durationUnits: [(name: String, milliseconds: Int64)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// A duration of whole numbers with units, the largest first, each at most once: `15m`, `1h 30m`, `2d`, `500ms`.
    /// Units are `w d h m s ms`. Nil for anything else, and beyond about 292 million years.
    public static func duration(_ text: some StringProtocol) -> Duration? {
        var rest = text.utf8[...]
        var total: Int64 = 0
        var units = durationUnits[...]
        var count = 0
        while !rest.isEmpty {
            if count > 0 { while rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() } }
            let digits = rest.prefix { isDigit($0) }
            let letters = rest.dropFirst(digits.count).prefix { !isDigit($0) && $0 != UInt8(ascii: " ") }
            guard let number = Int64(String(decoding: digits, as: UTF8.self)),
                let unit = units.firstIndex(where: { $0.name.utf8.elementsEqual(letters) })
            else { return nil }
            let product = number.multipliedReportingOverflow(by: units[unit].milliseconds)
            let sum = total.addingReportingOverflow(product.partialValue)
            guard !product.overflow, !sum.overflow else { return nil }
            total = sum.partialValue
            units = units[(unit + 1)...]
            rest = rest.dropFirst(digits.count + letters.count)
            count += 1
        }
        return count > 0 ? .milliseconds(total) : nil
    }

    private static let byteUnits: [(name: String, bytes: Int64)] = [
        ("", 1), ("b", 1), ("kb", 1000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("tb", 1_000_000_000_000),
        ("pb", 1_000_000_000_000_000), ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40),
        ("pib", 1 << 50),
    ]

    /// A number of bytes: `10MB`, `512 KiB`, `1.5GB`, `4096`. Units are decimal (IEC 80000-13: `kB MB GB TB PB`) or binary
    /// (`KiB MiB GiB TiB PiB`), in any case; a single letter such as `M` is nil, for it means one thing here and another
    /// there. So is a negative number, and one that is too large. A fraction of a byte is dropped.
    public static func bytes(_ text: some StringProtocol) -> Int64? {
        let all = Array(text.utf8)
        let whole = all.prefix { isDigit($0) }
        var rest = all.dropFirst(whole.count)
        var fraction: [UInt8] = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix { isDigit($0) }
            guard !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(fraction.count + 1)
        }
        rest = rest.drop { $0 == UInt8(ascii: " ") }
        // ASCII letters only have a lower case 32 above.
        let name = rest.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
        guard let number = Int64(String(decoding: whole, as: UTF8.self)), fraction.count <= 3,
            let unit = byteUnits.first(where: { $0.name.utf8.elementsEqual(name) }),
            fraction.isEmpty || unit.bytes > 1
        else { return nil }
        let product = number.multipliedReportingOverflow(by: unit.bytes)
        let thousandths =
            Int64(String(decoding: fraction, as: UTF8.self) + String(repeating: "0", count: 3 - fraction.count)) ?? 0
        let part = unit.bytes / 1000 * thousandths + unit.bytes % 1000 * thousandths / 1000
        let sum = product.partialValue.addingReportingOverflow(part)
        return product.overflow || sum.overflow ? nil : sum.partialValue
    }

    /// A number of bytes for people, in decimal units with three or four digits: `999 B`, `12.3 MB`, `4.0 GB`.
    public static func format(bytes: Int64) -> String {
        let magnitude = bytes.magnitude
        guard magnitude >= 1000 else { return "\(bytes) B" }
        var unit: UInt64 = 1000
        for name in ["kB", "MB", "GB", "TB", "PB", "EB"] {
            // Rounded to a tenth, without a sum that could overflow.
            let tenths = magnitude / (unit / 10) + (magnitude % (unit / 10) >= unit / 20 ? 1 : 0)
            if tenths < 10_000 || name == "EB" { return "\(bytes < 0 ? "-" : "")\(tenths / 10).\(tenths % 10) \(name)" }
            unit *= 1000
        }
        return "\(bytes) B"
    }

    /// A duration for people, in its two largest units: `250ms`, `12.3s`, `5m 20s`, `1h 30m`, `2d`.
    public static func format(duration: Duration) -> String {
        let isNegative = duration < .zero
        let absolute = isNegative ? .zero - duration : duration
        let (seconds, attoseconds) = absolute.components
        return (isNegative ? "-" : "") + format(seconds: seconds, milliseconds: attoseconds / 1_000_000_000_000_000)
    }

    private static func format(seconds: Int64, milliseconds: Int64) -> String {
        switch seconds {
        case 0: return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
        case ..<60: return milliseconds < 100 ? "\(seconds)s" : "\(seconds).\(milliseconds / 100)s"
        case ..<3600: return two(seconds / 60, "m", seconds % 60, "s")
        case ..<86400: return two(seconds / 3600, "h", seconds % 3600 / 60, "m")
        default: return two(seconds / 86400, "d", seconds % 86400 / 3600, "h")
        }
    }

    /// A moment in UTC, as `date -u +'%F %T UTC'` gives it.
    public static func format(utc date: Date) -> String {
        let style = Date.ISO8601FormatStyle(dateTimeSeparator: .space, timeZone: .gmt)
        return date.formatted(style.year().month().day().time(includingFractionalSeconds: false)) + " UTC"
    }

    private static func two(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(unit)" : "\(large)\(unit) \(small)\(smallUnit)"
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
