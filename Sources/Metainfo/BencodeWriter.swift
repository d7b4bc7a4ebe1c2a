/// Writes bencoding (BEP 3) in its canonical form. The caller gives dictionary keys in ascending order of their bytes;
/// giving them otherwise is a programming error and stops the process.
public struct BencodeWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []
    private var lastKeys: [[UInt8]?] = []

    /// A writer with room for `capacity` bytes; more is made when needed.
    public init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// An integer.
    public mutating func integer(_ value: some BinaryInteger) {
        bytes.append(UInt8(ascii: "i"))
        bytes.append(contentsOf: String(value).utf8)
        bytes.append(UInt8(ascii: "e"))
    }

    /// A string of any bytes.
    public mutating func string(_ value: some Collection<UInt8>) {
        bytes.append(contentsOf: String(value.count).utf8)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: value)
    }

    /// A text in UTF-8.
    public mutating func string(_ value: String) { string(Array(value.utf8)) }

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
        let key = Array(name.utf8)
        if let depth = lastKeys.indices.last {
            if let last = lastKeys[depth] {
                precondition(last.lexicographicallyPrecedes(key), "bencoded keys ascend")
            }
            lastKeys[depth] = key
        }
        string(key)
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
