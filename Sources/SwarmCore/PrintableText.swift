/// Bytes of a name for a message, at most 200 of them: never the raw bytes of something hostile. Control characters are
/// written as escapes, and what is not UTF-8 as U+FFFD.
public func printable(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes.prefix(200), as: UTF8.self).unicodeScalars
        .map { $0.value < 32 || $0.value == 127 ? "\\u{\(String($0.value, radix: 16))}" : String($0) }.joined()
}
