/// Writes bencoding (BEP 3) in its canonical form. The caller gives dictionary keys in ascending order of their bytes;
/// giving them otherwise is a programming error and stops the process.
public struct BencodeWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []
    private var lastKeys: [String?] = []

    /// A writer with room for `capacity` bytes; more is made when needed.
    public init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// An integer.
    public mutating func integer(_ value: some BinaryInteger) {
        bytes.append(UInt8(ascii: "i"))
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        decimal(value.magnitude)
        bytes.append(UInt8(ascii: "e"))
    }

    /// A million files have many numbers: no text is made of each.
    private mutating func decimal(_ value: some BinaryInteger) {
        var rest = value
        let start = bytes.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(digit))
            rest = quotient
        } while rest > 0
        var (low, high) = (start, bytes.count - 1)
        while low < high {
            bytes.swapAt(low, high)
            (low, high) = (low + 1, high - 1)
        }
    }

    /// A string of any bytes.
    public mutating func string(_ value: some Collection<UInt8>) {
        decimal(value.count)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: value)
    }

    /// A text in UTF-8.
    public mutating func string(_ value: String) { string(value.utf8) }

    /// A dictionary; `content` writes its keys, each followed by one value.
    public mutating func dictionary(_ content: (inout BencodeWriter) throws -> Void) rethrows {
        bytes.append(UInt8(ascii: "d"))
        lastKeys.append(nil)
        try content(&self)
        lastKeys.removeLast()
        bytes.append(UInt8(ascii: "e"))
    }

    /// A key of the innermost dictionary.
    public mutating func key(_ name: String) {
        if let depth = lastKeys.indices.last {
            if let last = lastKeys[depth] {
                precondition(last.utf8.lexicographicallyPrecedes(name.utf8), "bencoded keys ascend")
            }
            lastKeys[depth] = name
        }
        string(name.utf8)
    }

    /// A list; `content` writes its values.
    public mutating func list(_ content: (inout BencodeWriter) throws -> Void) rethrows {
        bytes.append(UInt8(ascii: "l"))
        try content(&self)
        bytes.append(UInt8(ascii: "e"))
    }

    /// Bytes that are bencoded already.
    public mutating func raw(_ encoded: some Collection<UInt8>) { bytes.append(contentsOf: encoded) }
}
