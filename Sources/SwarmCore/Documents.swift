internal import FoundationEssentials

/// JSON as the feed and the manifest use it: keys in order, ISO 8601 times in whole seconds, so that equal values give
/// equal bytes.
public enum Documents {
    /// The canonical bytes of a document, with a newline at the end.
    public static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
    }

    /// A value from a document's bytes; the error names the key that did not fit.
    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Collection<UInt8>) throws -> Value
    {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: Data(bytes))
    }
}
