/// Number of a place in a directory.
struct PlaceID: Hashable, Sendable {
    let rawValue: UInt32
}

/// Number of a region in a directory.
struct RegionID: Hashable, Comparable, Sendable {
    let rawValue: UInt16

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// All places that were met, each once, so that a peer costs four bytes for its place.
struct PlaceDirectory: Sendable {
    /// What one directory holds at most; what comes later is nowhere.
    static let limit = 1 << 16

    private var places: [Place] = [Place()]
    private var regionOf: [RegionID] = [RegionID(rawValue: 0)]
    private var ids: [Place: PlaceID] = [Place(): PlaceID(rawValue: 0)]
    private var regions: [String?: RegionID] = [nil: RegionID(rawValue: 0)]

    /// The number of a place, which is given one when it is new.
    mutating func id(of place: Place) -> PlaceID {
        if let id = ids[place] { return id }
        guard places.count < Self.limit else { return PlaceID(rawValue: 0) }
        let id = PlaceID(rawValue: UInt32(places.count))
        let region = regions[place.region] ?? RegionID(rawValue: UInt16(regions.count))
        regions[place.region] = region
        places.append(place)
        regionOf.append(region)
        ids[place] = id
        return id
    }

    func region(of id: PlaceID) -> RegionID { regionOf[Int(id.rawValue)] }

    func distance(_ left: PlaceID, _ right: PlaceID) -> Distance {
        Distance(places[Int(left.rawValue)], places[Int(right.rawValue)])
    }
}
