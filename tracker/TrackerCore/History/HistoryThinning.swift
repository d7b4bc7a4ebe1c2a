public import FoundationEssentials

/// Which samples of a history are kept as they age: all of the last day, then the last of each hour, then the last of each
/// day (UTC), and none after two years.
///
/// An hour is thinned only once all of it is old enough. So it makes no difference how often the thinning runs.
public struct HistoryThinning: Hashable, Sendable {
    /// Up to this age all are kept, in seconds.
    public var raw: TimeInterval = 86_400
    /// Up to this age one an hour is kept, in seconds.
    public var hourly: TimeInterval = 30 * 86_400
    /// Up to this age one a day is kept, in seconds.
    public var daily: TimeInterval = 730 * 86_400

    /// The rule with its defaults.
    public init() {}

    private enum Bucket: Hashable {
        case hour(Int)
        case day(Int)
    }

    /// Which of `times`, which ascend, are to go by now.
    public func superfluous(_ times: [Date], now: Date) -> Set<Date> {
        let present = now.timeIntervalSince1970
        var gone: Set<Date> = []
        var last: (bucket: Bucket, time: Date)?
        for time in times {
            let second = time.timeIntervalSince1970
            let hour = Int((second / 3600).rounded(.down))
            let day = Int((second / 86_400).rounded(.down))
            guard present - second <= daily else {
                gone.insert(time)
                continue
            }
            let bucket: Bucket
            if Double(day + 1) * 86_400 <= present - hourly {
                bucket = .day(day)
            } else if Double(hour + 1) * 3600 <= present - raw {
                bucket = .hour(hour)
            } else {
                break
            }
            if let last, last.bucket == bucket { gone.insert(last.time) }
            last = (bucket, time)
        }
        return gone
    }

    /// How many samples a history can have, where one is taken every `interval` seconds at most.
    public func bound(interval: TimeInterval) -> Int {
        Int(raw / interval + hourly / 3600 + daily / 86_400) + Int(3600 / interval) + 24 + 3
    }
}
