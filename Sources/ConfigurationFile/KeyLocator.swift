/// The lines of a TOML document's keys, by their paths: the library that reads the values does not tell them.
///
/// It knows strings, comments, dotted and quoted keys, tables, arrays of tables, arrays and inline tables (TOML 1.0.0),
/// and checks nothing: the document has been found well-formed. From one that is not, it reads some lines or none.
struct KeyLocator {
    private var lines: [String: Int] = [:]

    /// The line of a key, from 1; nil for a path that the document does not have.
    func line(of path: String) -> Int? { lines[path] }

    /// The path of a key in the table at `path`: quoted where it is not a bare key.
    static func path(_ path: String, _ key: String) -> String {
        let isBare = !key.isEmpty && key.utf8.allSatisfy(isBareKeyByte)
        return (path.isEmpty ? "" : path + ".") + (isBare ? key : key.debugDescription)
    }

    /// The path of an element of the array at `path`.
    static func path(_ path: String, _ index: Int) -> String { "\(path)[\(index)]" }

    fileprivate static func isBareKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Reads the document.
    init(_ text: String) {
        var scanner = Scanner(text)
        // How many elements each array of tables has so far.
        var counts: [String: Int] = [:]
        var table = ""
        while scanner.skipSpace(), let byte = scanner.peek {
            let line = scanner.line
            if byte == UInt8(ascii: "[") {
                scanner.advance()
                let isArray = scanner.take(UInt8(ascii: "["))
                table = note(scanner.keys(), isArray: isArray, line: line, counts: &counts)
                scanner.skipLine()
            } else {
                entry(in: table, &scanner)
            }
        }
    }

    /// Notes a table's header, and tells the table's path. A name of an array of tables stands for its last element.
    private mutating func note(_ keys: [String], isArray: Bool, line: Int, counts: inout [String: Int]) -> String {
        var path = ""
        for (index, key) in keys.enumerated() {
            path = Self.path(path, key)
            note(path, line)
            if isArray, index == keys.count - 1 { counts[path, default: 0] += 1 }
            if let count = counts[path] {
                path = Self.path(path, count - 1)
                note(path, line)
            }
        }
        return path
    }

    /// The first place of a path is the one to show.
    private mutating func note(_ path: String, _ line: Int) { if lines[path] == nil { lines[path] = line } }

    /// Reads `key = value`.
    private mutating func entry(in table: String, _ scanner: inout Scanner) {
        let start = scanner.position
        let line = scanner.line
        var path = table
        for key in scanner.keys() {
            path = Self.path(path, key)
            note(path, line)
        }
        scanner.skipBlanks()
        if scanner.take(UInt8(ascii: "=")) {
            scanner.skipBlanks()
            value(at: path, &scanner)
        }
        // Without progress this is not TOML.
        if scanner.position == start { scanner.advance() }
    }

    private mutating func value(at path: String, _ scanner: inout Scanner) {
        switch scanner.peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = scanner.string()
        case UInt8(ascii: "["):
            scanner.advance()
            var index = 0
            while scanner.skipSpace(), !scanner.take(UInt8(ascii: "]")), scanner.peek != nil {
                if scanner.take(UInt8(ascii: ",")) { continue }
                let start = scanner.position
                let element = Self.path(path, index)
                note(element, scanner.line)
                value(at: element, &scanner)
                if scanner.position == start { scanner.advance() }
                index += 1
            }
        case UInt8(ascii: "{"):
            scanner.advance()
            while scanner.skipSpace(), !scanner.take(UInt8(ascii: "}")), scanner.peek != nil {
                if scanner.take(UInt8(ascii: ",")) { continue }
                entry(in: path, &scanner)
            }
        default: scanner.skipPlainValue()
        }
    }
}

/// A position in a document, and its line.
private struct Scanner {
    private let bytes: [UInt8]
    private(set) var position = 0
    private(set) var line = 1

    init(_ text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance() {
        guard position < bytes.count else { return }
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        advance()
        return true
    }

    private mutating func skip(while condition: (UInt8) -> Bool) {
        while let byte = peek, condition(byte) { advance() }
    }

    mutating func skipBlanks() { skip { $0 == 0x20 || $0 == 0x09 } }

    mutating func skipLine() { skip { $0 != UInt8(ascii: "\n") } }

    /// Skips blanks, ends of lines and comments; false at the end of the document.
    mutating func skipSpace() -> Bool {
        while true {
            skip { $0 == 0x20 || (0x09...0x0d).contains($0) }
            guard peek == UInt8(ascii: "#") else { return peek != nil }
            skipLine()
        }
    }

    /// Skips a number, a boolean or a date, which ends where something else begins.
    mutating func skipPlainValue() { skip { !"\n,]}#".utf8.contains($0) } }

    /// The parts of a dotted key.
    mutating func keys() -> [String] {
        var keys: [String] = []
        repeat {
            skipBlanks()
            if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
                keys.append(string())
            } else {
                let start = position
                skip(while: KeyLocator.isBareKeyByte)
                keys.append(String(decoding: bytes[start..<position], as: UTF8.self))
            }
            skipBlanks()
        } while take(UInt8(ascii: "."))
        return keys
    }

    /// Reads a string of any of the four kinds. Only the escapes that a key may want are undone.
    mutating func string() -> String {
        guard let quote = peek else { return "" }
        let isBasic = quote == UInt8(ascii: "\"")
        let triple = [quote, quote, quote]
        let isMultiline = bytes[position...].starts(with: triple)
        for _ in 0..<(isMultiline ? 3 : 1) { advance() }
        var content: [UInt8] = []
        while let byte = peek {
            if isBasic, byte == UInt8(ascii: "\\") {
                advance()
                if let escaped = peek { content.append(escaped) }
            } else if isMultiline ? bytes[position...].starts(with: triple) : byte == quote {
                for _ in triple.prefix(isMultiline ? 3 : 1) { advance() }
                // Up to two quotation marks may stand before the closing three.
                if isMultiline { while take(quote) { content.append(quote) } }
                break
            } else {
                content.append(byte)
            }
            advance()
        }
        return String(decoding: content, as: UTF8.self)
    }
}
