/// A bencoded value (BEP 3).
enum Bencode: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case string([UInt8])
    case integer(Int)
    case list([Bencode])
    case dictionary([String: Bencode])

    init(stringLiteral value: String) { self = .string([UInt8](value.utf8)) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(_ text: String) { self = .string([UInt8](text.utf8)) }

    var bytes: [UInt8] {
        switch self {
        case .string(let bytes): [UInt8]("\(bytes.count):".utf8) + bytes
        case .integer(let number): [UInt8]("i\(number)e".utf8)
        case .list(let items): [UInt8]("l".utf8) + items.flatMap(\.bytes) + [UInt8]("e".utf8)
        case .dictionary(let entries):
            [UInt8]("d".utf8)
                + entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .flatMap { Bencode($0.key).bytes + $0.value.bytes } + [UInt8]("e".utf8)
        }
    }
}
