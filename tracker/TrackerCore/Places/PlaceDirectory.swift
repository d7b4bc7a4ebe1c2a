/// Number of a place in a `SwarmTable`.
public struct PlaceID: Hashable, Sendable {
    let rawValue: UInt16
}

/// Number of a region in a directory.
struct RegionID: Hashable, Comparable, Sendable {
    let rawValue: UInt16

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// All places that were met, each once, so that a peer costs two bytes for its place.
struct PlaceDirectory: Sendable {
    /// What one directory holds at most; what comes later is nowhere.
    static let limit = 1 << 16

    /// A place in numbers, which are compared many times for an answer; each stands for a text of the directory.
    private struct Entry {
        let region: RegionID
        let group: UInt32?
        let networks: [UInt32]
        let asn: UInt32?
        let country: UInt32?
        let continent: UInt32?
        let coordinates: Coordinates?
    }

    private var entries: [Entry] = []
    private var ids: [Place: PlaceID] = [:]
    private var regions: [String?: RegionID] = [:]
    private var words: [String: UInt32] = [:]

    /// Only nowhere, which has the number 0.
    init() { _ = id(of: Place()) }

    /// The number of a place, which is given one when it is new.
    mutating func id(of place: Place) -> PlaceID {
        if let id = ids[place] { return id }
        guard entries.count < Self.limit else { return PlaceID(rawValue: 0) }
        let id = PlaceID(rawValue: UInt16(entries.count))
        let region = regions[place.region] ?? RegionID(rawValue: UInt16(regions.count))
        regions[place.region] = region
        entries.append(
            Entry(
                region: region, group: place.group.map { number(of: $0) },
                networks: place.networks.map { number(of: $0) }, asn: place.asn,
                country: place.country.map { number(of: $0) }, continent: place.continent.map { number(of: $0) },
                coordinates: place.coordinates))
        ids[place] = id
        return id
    }

    private mutating func number(of word: String) -> UInt32 {
        if let number = words[word] { return number }
        let number = UInt32(words.count)
        words[word] = number
        return number
    }

    func region(of id: PlaceID) -> RegionID { entries[Int(id.rawValue)].region }

    /// What `Distance(_:_:)` says of the places.
    func distance(_ left: PlaceID, _ right: PlaceID) -> Distance {
        let (left, right) = (entries[Int(left.rawValue)], entries[Int(right.rawValue)])
        if let group = left.group, group == right.group { return .group }
        if left.networks.contains(where: { right.networks.contains($0) }) { return .network }
        if let asn = left.asn, asn == right.asn { return .autonomousSystem }
        if let country = left.country, country == right.country { return .country }
        if left.region == right.region || (left.continent != nil && left.continent == right.continent) {
            return .region
        }
        return Distance(from: left.coordinates, to: right.coordinates)
    }
}
