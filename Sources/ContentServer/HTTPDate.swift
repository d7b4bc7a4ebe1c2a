/// A moment in whole seconds since 1970 as HTTP writes it (RFC 9110, section 5.6.7).
struct HTTPDate: Hashable, Sendable, Comparable {
    var seconds: Int64

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    init(seconds: Int64) { self.seconds = seconds }

    /// Reads an IMF-fixdate and the two obsolete forms that a recipient must accept.
    init?(_ text: String) {
        let tokens = text.split(whereSeparator: { " ,-:".contains($0) })
        let fields: (day: Substring, month: Substring, year: Substring, clock: ArraySlice<Substring>)
        if tokens.count == 8, tokens[7] == "GMT" {
            fields = (tokens[1], tokens[2], tokens[3], tokens[4...6])
        } else if tokens.count == 7 {
            fields = (tokens[2], tokens[1], tokens[6], tokens[3...5])
        } else {
            return nil
        }
        let clock = fields.clock.compactMap { Int64($0) }
        guard let month = Self.months.firstIndex(of: String(fields.month)), clock.count == 3,
            let day = Int64(fields.day), (1...31).contains(day), var year = Int64(fields.year),
            (0...9999).contains(year), (0...23).contains(clock[0]), (0...59).contains(clock[1]),
            (0...60).contains(clock[2])
        else { return nil }
        if fields.year.count == 2 { year += year < 70 ? 2000 : 1900 }
        seconds = Self.daysSince1970(year: year, month: Int64(month) + 1, day: day) * 86_400
        seconds += clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    /// The IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
    var text: String {
        let date = day
        let second = seconds - Self.floor(seconds, 86_400) * 86_400
        let weekday = Self.days[Int((Self.floor(seconds, 86_400) % 7 + 11) % 7)]
        let clock = "\(Self.two(second / 3600)):\(Self.two(second / 60 % 60)):\(Self.two(second % 60))"
        return "\(weekday), \(Self.two(date.day)) \(Self.months[Int(date.month) - 1]) \(date.year) \(clock) GMT"
    }

    /// The short form of a listing: `1994-11-06 08:49`.
    var listingText: String {
        let date = day
        let second = seconds - Self.floor(seconds, 86_400) * 86_400
        return "\(date.year)-\(Self.two(date.month))-\(Self.two(date.day)) "
            + "\(Self.two(second / 3600)):\(Self.two(second / 60 % 60))"
    }

    static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }

    /// The day in the proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March.
    private var day: (year: Int64, month: Int64, day: Int64) {
        let shifted = Self.floor(seconds, 86_400) + 719_468
        let era = Self.floor(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floor(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
