import Foundation

/// A measured value with its unit.
public struct Quantity: Sendable, Codable, Hashable, CustomStringConvertible {
    /// What the value counts.
    public enum Unit: String, Sendable, Codable {
        case seconds, bytes, count, share, rate, copies
    }

    /// In seconds, bytes, bytes per second, or as a plain number; a share is one of 1.
    public var value: Double
    /// What it counts.
    public var unit: Unit

    /// Seconds of CPU or of time that passed.
    public static func seconds(_ value: Double) -> Quantity { Quantity(value: value, unit: .seconds) }
    /// Bytes.
    public static func bytes(_ value: Double) -> Quantity { Quantity(value: value, unit: .bytes) }
    /// A number of things.
    public static func count(_ value: Double) -> Quantity { Quantity(value: value, unit: .count) }
    /// A part of a whole, from 0 to 1.
    public static func share(_ value: Double) -> Quantity { Quantity(value: value, unit: .share) }
    /// Bytes per second.
    public static func rate(_ value: Double) -> Quantity { Quantity(value: value, unit: .rate) }
    /// Copies of a content.
    public static func copies(_ value: Double) -> Quantity { Quantity(value: value, unit: .copies) }

    /// For people, with three significant digits.
    public var description: String {
        switch unit {
        case .seconds: value < 0.0995 ? "\(digits(value * 1000)) ms" : "\(digits(value)) s"
        case .bytes: Self.bytes(value, "")
        case .rate: Self.bytes(value, "/s")
        case .count: value < 100 && value != value.rounded() ? digits(value) : String(format: "%.0f", value)
        case .share: "\(digits(value * 100)) %"
        case .copies: String(format: "%.3f", value)
        }
    }

    private static func bytes(_ value: Double, _ suffix: String) -> String {
        var value = value
        var unit = "B"
        for next in ["kB", "MB", "GB"] where value >= 999.5 {
            value /= 1000
            unit = next
        }
        return "\(unit == "B" ? String(format: "%.0f", value) : digits(value)) \(unit)\(suffix)"
    }
}

/// Three significant digits, and no exponent.
func digits(_ value: Double) -> String {
    switch abs(value) {
    case 99.95...: String(format: "%.0f", value)
    case 9.995...: String(format: "%.1f", value)
    case 0: "0"
    default: String(format: "%.2f", value)
    }
}
