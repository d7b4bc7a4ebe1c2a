/// The items that come most often in a long sequence, in memory that does not grow: the space-saving sketch (Metwally,
/// Agrawal and El Abbadi, 2005). Whatever makes up more than one part in `capacity` of the sequence is in it for sure.
public struct FrequentItems<Item: Hashable & Sendable>: Sendable {
    /// An item, and how often it came.
    public struct Count: Sendable {
        /// The item.
        public let item: Item
        /// No less often than this. An item that had to make room for others may have come more often.
        public let count: Int64
    }

    private struct Entry {
        let item: Item
        /// How often it came at most.
        var count: Int64
        /// By how much that may be too high: what the item had whose place it took.
        let error: Int64
    }

    /// How many items are kept.
    public let capacity: Int
    /// A heap in which no entry has a lower count than the one above it.
    private var entries: [Entry] = []
    private var places: [Item: Int] = [:]

    /// An empty sketch; `capacity` is 1 or more.
    public init(capacity: Int) {
        precondition(capacity > 0, "a sketch keeps an item at least")
        self.capacity = capacity
    }

    /// How many items are in it.
    public var size: Int { entries.count }

    /// Goes on with an item that came `count` times more. Nothing happens for 0 and less.
    public mutating func add(_ item: Item, count: Int64 = 1) {
        guard count > 0 else { return }
        if let place = places[item] {
            entries[place].count = Self.sum(entries[place].count, count)
            sink(place)
        } else if entries.count < capacity {
            entries.append(Entry(item: item, count: count, error: 0))
            places[item] = entries.count - 1
            rise(entries.count - 1)
        } else {
            // The rarest makes room, and its count is the most that the new one can have had before.
            let rarest = entries[0]
            places[rarest.item] = nil
            entries[0] = Entry(item: item, count: Self.sum(rarest.count, count), error: rarest.count)
            places[item] = 0
            sink(0)
        }
    }

    /// The items that came most often, those first; of equals, in no order.
    public func top(_ limit: Int) -> [Count] {
        let counts = entries.map { Count(item: $0.item, count: $0.count - $0.error) }
        return Array(counts.sorted { $0.count > $1.count }.prefix(max(0, limit)))
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, isTooLarge) = left.addingReportingOverflow(right)
        return isTooLarge ? .max : sum
    }

    // MARK: Heap

    private mutating func exchange(_ left: Int, _ right: Int) {
        entries.swapAt(left, right)
        places[entries[left].item] = left
        places[entries[right].item] = right
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
                if entries[child].count < entries[least].count { least = child }
            }
            guard least != place else { return }
            exchange(place, least)
            place = least
        }
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, entries[place].count < entries[(place - 1) / 2].count {
            exchange(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }
}
