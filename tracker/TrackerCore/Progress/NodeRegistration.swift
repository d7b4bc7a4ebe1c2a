public import SwarmCore

/// A node as the coordinator has registered it. Its token is kept elsewhere.
public struct NodeRegistration: Hashable, Sendable {
    /// Unique at the tracker.
    public var name: NodeName
    /// Nodes of one site or operator; nil for none.
    public var group: String?
    /// The region; nil for the one that its address is in.
    public var region: String?
    /// How much the node counts in decisions by weight; 1 or more.
    public var weight: Int
    /// Base URLs where readers find its sets.
    public var urls: [String]

    /// Every part given.
    public init(name: NodeName, group: String? = nil, region: String? = nil, weight: Int = 1, urls: [String] = []) {
        self.name = name
        self.group = group
        self.region = region
        self.weight = weight
        self.urls = urls
    }
}
