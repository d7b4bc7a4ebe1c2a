internal import AddressDatabase
internal import Glibc
public import SwarmCore
internal import Synchronization
public import TrackerCore

/// Places by address from databases of MaxMind's format, such as GeoLite2 City (or Country) and ASN, which are read anew
/// when their files change. Each may be missing or damaged: then the other one, and what was read before, goes on.
public final class PlaceDatabases: Sendable {
    /// Which files there are; nil for none.
    public struct Files: Hashable, Sendable {
        /// A database of cities or of countries, an absolute path.
        public var city: String?
        /// A database of autonomous systems, an absolute path.
        public var asn: String?

        /// Every part given.
        public init(city: String? = nil, asn: String? = nil) {
            self.city = city
            self.asn = asn
        }
    }

    /// What is worth a line in the log.
    public struct Remark: Hashable, Sendable {
        /// Whether something is wrong.
        public let isProblem: Bool
        /// A sentence with the file's name.
        public let text: String
    }

    /// How a file was told from another one.
    private struct Fingerprint: Hashable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int

        init?(_ path: String) {
            var info = stat()
            // unsafe: the call fills the structure.
            guard unsafe stat(path, &info) == 0 else { return nil }
            (inode, size) = (UInt64(info.st_ino), Int64(info.st_size))
            (seconds, nanoseconds) = (info.st_mtim.tv_sec, info.st_mtim.tv_nsec)
        }
    }

    /// One file.
    private struct Source {
        let path: String
        var database: MaxMindDatabase?
        /// The state of the file that was read, or tried, last; nil when there was none.
        var tried: Fingerprint??
        /// The state that was seen at the last look.
        var seen: Fingerprint?
        /// Whether a look-up has failed in the present database.
        var hasFailed = false
    }

    private struct State {
        var city: Source?
        var asn: Source?
        var failures: [Remark] = []
    }

    private let state: Mutex<State>

    /// Nothing is read before `refresh()`.
    public init(_ files: Files) {
        func source(_ path: String) -> Source { Source(path: path) }
        state = Mutex(State(city: files.city.map { source($0) }, asn: files.asn.map { source($0) }))
    }

    /// Reads what has changed, and says so; a file that is still being written waits for the next call. Blocks for as long
    /// as the disk takes; look-ups go on meanwhile.
    public func refresh() -> [Remark] {
        var remarks = state.withLock { state in
            defer { state.failures = [] }
            return state.failures
        }
        for part in [\State.city, \State.asn] {
            guard let source = state.withLock({ $0[keyPath: part] }) else { continue }
            let now = Fingerprint(source.path)
            if let tried = source.tried {
                guard tried != now else { continue }
                guard source.seen == now else {
                    state.withLock { $0[keyPath: part]?.seen = now }
                    continue
                }
            }
            var database: MaxMindDatabase?
            do throws(MaxMindDatabase.Failure) {
                let read = try MaxMindDatabase(path: source.path)
                database = read
                remarks.append(Remark(isProblem: false, text: "places from \(source.path), \(read.type)"))
            } catch {
                let rest = source.database == nil ? "goes on without" : "goes on with what was read before"
                remarks.append(
                    Remark(
                        isProblem: true,
                        text: "\(source.path) cannot be used as a database of places: \(error); the tracker \(rest). "
                            + "Fetch it anew, and put it in its place by a rename"))
            }
            state.withLock { state in
                state[keyPath: part]?.tried = .some(now)
                state[keyPath: part]?.seen = now
                guard let database else { return }
                state[keyPath: part]?.database = database
                state[keyPath: part]?.hasFailed = false
            }
        }
        return remarks
    }

    /// What the databases know of an address. The region is not theirs to say: it stays nil.
    public func place(of address: IPAddress) -> Place {
        let (city, asn) = state.withLock { ($0.city?.database, $0.asn?.database) }
        var place = Place()
        if let city {
            let found = entry(city, address, \.city) { $0.place }
            place = found ?? place
        }
        if let asn { place.asn = entry(asn, address, \.asn) { $0.asn } ?? nil }
        return place
    }

    private func entry<Result>(
        _ database: MaxMindDatabase, _ address: IPAddress, _ part: WritableKeyPath<State, Source?>,
        _ body: (MaxMindDatabase.Entry) -> Result
    ) -> Result? {
        do throws(MaxMindDatabase.Failure) { return try database.withEntry(address, body) } catch {
            state.withLock { state in
                guard let source = state[keyPath: part], !source.hasFailed else { return }
                state[keyPath: part]?.hasFailed = true
                state.failures.append(
                    Remark(
                        isProblem: true,
                        text: "\(source.path) is damaged (\(error)): some places are not known; fetch it anew"))
            }
            return nil
        }
    }
}

extension MaxMindDatabase.Entry {
    /// From a database of cities or countries (dev.maxmind.com/geoip/docs/databases/city-and-country). Coordinates are
    /// rounded to degrees: distances of thousands of kilometres are what they are for, and places are few.
    fileprivate var place: Place {
        var place = Place()
        place.country = country
        place.continent = continent
        if let latitude = double("location", "latitude"), let longitude = double("location", "longitude") {
            place.coordinates = Coordinates(latitude: latitude.rounded(), longitude: longitude.rounded())
        }
        return place
    }
}
