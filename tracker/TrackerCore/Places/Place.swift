internal import Glibc

/// A point on the earth, in degrees.
public struct Coordinates: Hashable, Sendable {
    /// North is positive.
    public let latitude: Double
    /// East is positive.
    public let longitude: Double

    /// Nil beyond 90 degrees of latitude or 180 of longitude.
    public init?(latitude: Double, longitude: Double) {
        guard abs(latitude) <= 90, abs(longitude) <= 180 else { return nil }
        self.latitude = latitude
        self.longitude = longitude
    }

    /// Kilometres along the great circle, by the haversine formula on a sphere.
    public func distance(to other: Coordinates) -> Double {
        func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }
        let (north, east) = (
            radians(other.latitude - latitude) / 2, radians(other.longitude - longitude) / 2
        )
        let chord =
            sin(north) * sin(north)
            + cos(radians(latitude)) * cos(radians(other.latitude))
            * sin(east) * sin(east)
        return 2 * 6371 * asin(min(1, max(0, chord).squareRoot()))
    }
}

/// Where a peer or a node is, as far as it is known.
public struct Place: Hashable, Sendable {
    /// The part of the network that is fed as one: what the operator named, else the continent; nil when neither is
    /// known. All that is in no region is one region of its own.
    public var region: String?
    /// Nodes of one site or one operator, which are as near as can be.
    public var group: String?
    /// Networks that the place is connected to beside its provider's: a research network, an exchange.
    public var networks: Set<String>
    /// Number of the autonomous system; nil when it is not known.
    public var asn: UInt32?
    /// Two letters (ISO 3166-1), upper case.
    public var country: String?
    /// Two letters as MaxMind has them: AF, AN, AS, EU, NA, OC, SA.
    public var continent: String?
    /// Nil when they are not known.
    public var coordinates: Coordinates?

    /// Nowhere, unless something is given. Without `region`, the continent is the region.
    public init(
        region: String? = nil, group: String? = nil, networks: Set<String> = [], asn: UInt32? = nil,
        country: String? = nil, continent: String? = nil, coordinates: Coordinates? = nil
    ) {
        self.region = region ?? continent
        self.group = group
        self.networks = networks
        self.asn = asn
        self.country = country
        self.continent = continent
        self.coordinates = coordinates
    }

    /// What is called "region" where there is none.
    public static let nowhere = "elsewhere"

    /// The place with all that `other` knows and this one does not.
    public func completed(by other: Place) -> Place {
        var place = self
        place.region = region ?? other.region
        place.group = group ?? other.group
        place.networks.formUnion(other.networks)
        place.asn = asn ?? other.asn
        place.country = country ?? other.country
        place.continent = continent ?? other.continent
        place.coordinates = coordinates ?? other.coordinates
        return place
    }
}

/// How far two places are from each other, in steps: what is nearer is less.
public enum Distance: UInt8, Comparable, Sendable, CaseIterable {
    /// The same node group.
    case group
    /// A network that both are connected to.
    case network
    /// The same autonomous system.
    case autonomousSystem
    /// The same country.
    case country
    /// The same region, or the same continent.
    case region
    /// Less than 3,000 km apart.
    case reachable
    /// Less than 8,000 km apart.
    case remote
    /// Farther, or nobody knows.
    case far

    /// From one place to another; the same in both directions.
    public init(_ left: Place, _ right: Place) {
        if let group = left.group, group == right.group {
            self = .group
        } else if !left.networks.isDisjoint(with: right.networks) {
            self = .network
        } else if let asn = left.asn, asn == right.asn {
            self = .autonomousSystem
        } else if let country = left.country, country == right.country {
            self = .country
        } else if left.region == right.region || (left.continent != nil && left.continent == right.continent) {
            self = .region
        } else {
            self.init(from: left.coordinates, to: right.coordinates)
        }
    }

    /// By the great circle alone.
    init(from: Coordinates?, to: Coordinates?) {
        guard let from, let to else {
            self = .far
            return
        }
        let kilometres = from.distance(to: to)
        self = kilometres < 3000 ? .reachable : kilometres < 8000 ? .remote : .far
    }

    /// The lesser is nearer.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
