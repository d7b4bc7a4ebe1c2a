internal import NIOHTTP1
internal import SwarmCore
internal import TrackerCore

extension Site {
    /// `GET /api/v1/sets/SET/popular?limit=N&days=N`.
    func popular(set: String, _ parameters: [String: String]) -> Reply {
        func number(_ name: String, _ range: ClosedRange<Int>, _ fallback: Int) -> Int? {
            guard let text = parameters[name] else { return fallback }
            return Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
        guard let limit = number("limit", 1...Popularity.fileLimit, 100) else {
            return .text(.badRequest, "limit: expected a number from 1 to \(Popularity.fileLimit)\n")
        }
        guard let days = number("days", 1...Popularity.dayLimit, 7) else {
            return .text(.badRequest, "days: expected a number from 1 to \(Popularity.dayLimit)\n")
        }
        guard let name = SetName(set), let files = tracker.popular(name, days: days, limit: limit) else {
            return Self.notFollowed
        }
        return encoded(files)
    }
}
