/// What is wrong with a pattern, before the pattern is known.
struct GlobFault: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// From the text of a pattern to its segments.
enum GlobCompiler {
    static func compile(_ pattern: String) throws(GlobFault) -> [GlobAlternative] {
        var result: [GlobAlternative] = []
        for text in try expand(Array(pattern.utf8)) { result.append(GlobAlternative(try segments(of: text))) }
        return result
    }

    /// The patterns without braces that `pattern` stands for.
    private static func expand(_ pattern: [UInt8]) throws(GlobFault) -> [[UInt8]] {
        var pending = [pattern]
        var result: [[UInt8]] = []
        while let text = pending.popLast() {
            if let group = try firstGroup(in: text) {
                for choice in group.choices {
                    pending.append(text[..<group.range.lowerBound] + choice + text[group.range.upperBound...])
                }
            } else {
                result.append(text)
            }
            guard pending.count + result.count <= Glob.alternativeLimit else {
                throw GlobFault("its braces stand for more than \(Glob.alternativeLimit) patterns")
            }
        }
        return result
    }

    /// The first pair of braces, with what its commas part.
    private static func firstGroup(in text: [UInt8]) throws(GlobFault) -> (range: Range<Int>, choices: [[UInt8]])? {
        var depth = 0
        var open = 0
        var choices: [[UInt8]] = []
        var choice: [UInt8] = []
        var index = 0
        while index < text.count {
            var length = 1
            switch text[index] {
            case UInt8(ascii: "\\"): length = min(2, text.count - index)
            case UInt8(ascii: "["): length = (classEnd(in: text, from: index) ?? index) + 1 - index
            case UInt8(ascii: "{"):
                depth += 1
                if depth == 1 {
                    open = index
                    index += 1
                    continue
                }
            case UInt8(ascii: "}"):
                guard depth > 0 else { throw GlobFault("a closing brace has no opening one") }
                depth -= 1
                if depth == 0 { return (open..<index + 1, choices + [choice]) }
            case UInt8(ascii: ",") where depth == 1:
                choices.append(choice)
                choice = []
                index += 1
                continue
            default: break
            }
            if depth > 0 { choice += text[index..<index + length] }
            index += length
        }
        guard depth == 0 else { throw GlobFault("an opening brace has no closing one") }
        return nil
    }

    /// The index of the bracket that closes the class that begins at `start`; nil when none does.
    private static func classEnd(in text: [UInt8], from start: Int) -> Int? {
        var index = start + 1
        if index < text.count, text[index] == UInt8(ascii: "!") || text[index] == UInt8(ascii: "^") { index += 1 }
        // A bracket in the first place stands for itself (POSIX.1-2017, XBD 9.3.5).
        if index < text.count, text[index] == UInt8(ascii: "]") { index += 1 }
        while index < text.count, text[index] != UInt8(ascii: "/") {
            if text[index] == UInt8(ascii: "]") { return index }
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private static func segments(of text: [UInt8]) throws(GlobFault) -> [GlobSegment] {
        var parts = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
        let anchored = parts.count > 1
        if anchored, parts.first?.isEmpty == true { parts.removeFirst() }
        if parts.last?.isEmpty == true {
            guard anchored else { throw GlobFault("one of its alternatives is empty") }
            parts[parts.count - 1] = Array("**".utf8)
        }
        var result: [GlobSegment] = anchored ? [] : [.anyDepth]
        for part in parts {
            guard !part.isEmpty else { throw GlobFault("two slashes follow each other") }
            guard part != Array(".".utf8), part != Array("..".utf8) else {
                throw GlobFault("paths have no segments “.” and “..”")
            }
            if part == Array("**".utf8) {
                if case .anyDepth? = result.last { continue }
                result.append(.anyDepth)
            } else {
                result.append(try segment(of: part))
            }
        }
        // All below: at least one segment.
        if case .anyDepth? = result.last { result.append(.tokens([.star])) }
        return result
    }

    private static func segment(of text: [UInt8]) throws(GlobFault) -> GlobSegment {
        var tokens: [GlobToken] = []
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "*"):
                if case .star? = tokens.last {} else { tokens.append(.star) }
            case UInt8(ascii: "?"): tokens.append(.any)
            case UInt8(ascii: "["):
                guard let end = classEnd(in: text, from: index) else {
                    throw GlobFault("a class has no closing bracket")
                }
                tokens.append(try characterClass(Array(text[index + 1..<end])))
                index = end
            case UInt8(ascii: "\\"):
                guard index + 1 < text.count else { throw GlobFault("nothing follows a backslash") }
                index += 1
                tokens.append(.byte(text[index]))
            default: tokens.append(.byte(text[index]))
            }
            index += 1
        }
        var name: [UInt8] = []
        for token in tokens {
            guard case .byte(let byte) = token else { return .tokens(tokens) }
            name.append(byte)
        }
        return .name(name)
    }

    private static func characterClass(_ text: [UInt8]) throws(GlobFault) -> GlobToken {
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
        let negated = scalars.first == "!" || scalars.first == "^"
        if negated { scalars = scalars.dropFirst() }
        func character() throws(GlobFault) -> UInt32 {
            guard let scalar = scalars.popFirst() else { throw GlobFault("a class ends too soon") }
            guard scalar == "\\" else { return scalar.value }
            guard let escaped = scalars.popFirst() else { throw GlobFault("nothing follows a backslash") }
            return escaped.value
        }
        var ranges: [ClosedRange<UInt32>] = []
        while !scalars.isEmpty {
            let lower = try character()
            var upper = lower
            // A hyphen in the last place stands for itself.
            if scalars.first == "-", scalars.count > 1 {
                scalars = scalars.dropFirst()
                upper = try character()
            }
            guard lower <= upper else { throw GlobFault("a range in a class goes backwards") }
            ranges.append(lower...upper)
        }
        guard !ranges.isEmpty else { throw GlobFault("a class is empty") }
        return .oneOf(ranges, negated: negated)
    }
}
