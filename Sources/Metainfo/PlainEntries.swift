internal import SwarmCore

/// The form in which nearly all entries stand: files with our keys and no others, and pads, with names of printable
/// ASCII. They are read in place, several times as fast as by `entry`; all others, and what is to be refused, that one
/// reads.
extension TorrentParser {
    /// Reads entries of this form, up to the first one of another form or the end of the list. Returns whether there was
    /// any.
    mutating func plainEntries(_ reader: inout BencodeReader, atMost limit: Int = .max) -> Bool {
        let start = reader.offset
        // unsafe: the pointer stays inside the closure.
        reader.offset = unsafe reader.bytes.withUnsafeBytes { bytes in
            var cursor = unsafe PlainCursor(bytes: bytes, offset: start)
            var count = 0
            while count < limit, plainEntry(&cursor) { count += 1 }
            return cursor.offset
        }
        return reader.offset > start
    }

    /// Reads one entry, or leaves everything as it was.
    private mutating func plainEntry(_ cursor: inout PlainCursor) -> Bool {
        let (start, pathStart) = (cursor.offset, columns.pathBytes.count)
        guard columns.count < limits.entries, let entry = plainFields(&cursor),
            entry.length <= limits.content - columns.contentLength, columns.pathBytes.count <= Int(UInt32.max)
        else {
            cursor.offset = start
            columns.pathBytes.removeLast(columns.pathBytes.count - pathStart)
            return false
        }
        columns.append(entry, at: start..<cursor.offset)
        return true
    }

    private mutating func plainFields(_ cursor: inout PlainCursor) -> EntryColumns.Entry? {
        var entry = EntryColumns.Entry()
        if !cursor.passes(Token.length) {
            guard cursor.passes(Token.attributes), let attribute = cursor.byte(), cursor.passes(Token.lengthAfter)
            else {
                return nil
            }
            switch attribute {
            case UInt8(ascii: "p"): entry.kind = Torrent.Kind.pad.rawValue
            case UInt8(ascii: "x"): entry.kind |= EntryColumns.executableBit
            default: return nil
            }
        }
        guard let length = cursor.number(endingWith: UInt8(ascii: "e")) else { return nil }
        entry.length = length
        guard entry.kind != Torrent.Kind.pad.rawValue else {
            return cursor.passes(Token.path) && plainPath(&cursor) && cursor.byte() == UInt8(ascii: "e") ? entry : nil
        }
        guard cursor.passes(Token.mtime), let mtime = cursor.number(endingWith: UInt8(ascii: "e")),
            cursor.passes(Token.path), plainPath(&cursor)
        else { return nil }
        entry.mtime = mtime
        if cursor.passes(Token.priority) {
            guard let number = cursor.number(endingWith: UInt8(ascii: "e")), let priority = Priority(Int(number)) else {
                return nil
            }
            entry.priority = priority.rawValue
        }
        guard cursor.passes(Token.sha256) else { return nil }
        entry.digestOffset = cursor.offset
        return cursor.skip(SHA256Digest.byteCount) && cursor.byte() == UInt8(ascii: "e") ? entry : nil
    }

    /// Reads the components of a path onto the columns' paths, and the end of their list.
    private mutating func plainPath(_ cursor: inout PlainCursor) -> Bool {
        let start = columns.pathBytes.count
        var depth = 0
        while let byte = cursor.peek(), byte != UInt8(ascii: "e") {
            guard let count = cursor.number(endingWith: UInt8(ascii: ":")),
                (1...TreePath.componentLimit).contains(Int(count))
            else { return false }
            if depth > 0 { columns.pathBytes.append(UInt8(ascii: "/")) }
            guard cursor.appendName(Int(count), to: &columns.pathBytes) else { return false }
            depth += 1
        }
        return cursor.skip(1) && (1...TreePath.depthLimit).contains(depth)
            && columns.pathBytes.count - start <= TreePath.lengthLimit
    }
}

/// Up to 16 bytes that are expected at a place, compared in two steps.
private struct Token {
    static let attributes = Token("d4:attr1:")
    static let length = Token("d6:lengthi")
    static let lengthAfter = Token("6:lengthi")
    static let mtime = Token("5:mtimei")
    static let path = Token("4:pathl")
    static let priority = Token("8:priorityi")
    static let sha256 = Token("6:sha25632:")

    let count: Int
    let text: (UInt64, UInt64)
    let mask: (UInt64, UInt64)

    init(_ text: String) {
        count = text.utf8.count
        var words: [UInt64] = [0, 0]
        var masks: [UInt64] = [0, 0]
        for (index, byte) in text.utf8.enumerated() {
            words[index >> 3] |= UInt64(byte) << UInt64((index & 7) * 8)
            masks[index >> 3] |= 0xff << UInt64((index & 7) * 8)
        }
        self.text = (words[0], words[1])
        mask = (masks[0], masks[1])
    }
}

/// A place in bencoded bytes. Nothing is read beyond their end, and what is not as expected is not passed.
// @safe: every access is checked against the length; it lives as long as the closure that lends the bytes.
@safe
private struct PlainCursor {
    private let bytes: UnsafeRawBufferPointer
    private let count: Int
    var offset: Int

    init(bytes: UnsafeRawBufferPointer, offset: Int) {
        unsafe self.bytes = bytes
        count = bytes.count
        self.offset = offset
    }

    /// Passes a token if it is there. Within 16 bytes of the end it is not looked for.
    mutating func passes(_ token: Token) -> Bool {
        guard offset + 16 <= count else { return false }
        // unsafe: 16 bytes are there.
        let first = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
        let second = unsafe bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self).littleEndian
        guard first & token.mask.0 == token.text.0, second & token.mask.1 == token.text.1 else { return false }
        offset += token.count
        return true
    }

    func peek() -> UInt8? {
        // unsafe: the place is before the end.
        offset < count ? unsafe bytes[offset] : nil
    }

    mutating func byte() -> UInt8? {
        guard let byte = peek() else { return nil }
        offset += 1
        return byte
    }

    mutating func skip(_ distance: Int) -> Bool {
        guard distance <= count - offset else { return false }
        offset += distance
        return true
    }

    /// A number of at most 18 digits in its shortest form, and the byte after it.
    mutating func number(endingWith end: UInt8) -> Int64? {
        var value: Int64 = 0
        let start = offset
        while let byte = byte() {
            if byte == end {
                let digits = offset - 1 - start
                // unsafe: there was a digit here.
                guard digits > 0, unsafe digits == 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
                return value
            }
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9, offset - start <= 18 else { return nil }
            value = value * 10 + Int64(digit)
        }
        return nil
    }

    /// Appends a component of a path, unless it holds anything that has to be looked at.
    mutating func appendName(_ length: Int, to path: inout [UInt8]) -> Bool {
        guard length <= count - offset else { return false }
        // unsafe: the bytes are there, and are copied at once.
        let name = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
        // (No “.” and no “..”.)
        guard unsafe length > 2 || name[0] != UInt8(ascii: ".") else { return false }
        var isPlain = true
        for index in offset..<(offset + length) {
            // unsafe: as before.
            let byte = unsafe bytes[index]
            isPlain = isPlain && byte &- 0x21 < 0x5e && byte != UInt8(ascii: "/")
        }
        guard isPlain else { return false }
        unsafe path.append(contentsOf: name)
        offset += length
        return true
    }
}
