internal import SwarmCore

/// Why a key is not taken, or a note is not signed or not believed.
public enum SignedNoteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text of a key has not the form that it should have.
    case invalidKey(String)
    /// The note, or the text to be signed, breaks the format; the reason is in words.
    case malformed(String)
    /// No known key signed the note; the keys that did, as `NAME+HASH`.
    case unsigned(found: [String])
    /// A signature that names a known key, as `NAME+HASH`, is not that key's: the note was changed or forged.
    case badSignature(key: String)
    /// libcrypto failed, with its own words.
    case library(String)

    /// What happened, in words.
    public var description: String {
        switch self {
        case .invalidKey(let reason): reason
        case .malformed(let reason): "malformed signed note: \(reason)"
        case .unsigned(let found):
            found.isEmpty
                ? "no known key signed the note"
                : "no known key signed the note; its signatures are of \(found.joined(separator: ", "))"
        case .badSignature(let key):
            "the note carries a signature of \(key) that does not fit: it was changed or forged"
        case .library(let message): "libcrypto failed: \(message)"
        }
    }
}

/// Text with signatures below it, in the C2SP signed-note format (https://c2sp.org/signed-note): the text, which ends
/// in a newline, an empty line, and for each signature a line `— NAME BASE64(key hash, signature)`.
public enum SignedNote {
    /// The longest note that `open` takes unless it is told otherwise.
    public static let defaultLimit = 1 << 20
    /// The most signatures of a note.
    public static let signatureLimit = 100

    /// An em dash and a space.
    private static let mark: [UInt8] = [0xe2, 0x80, 0x94, 0x20]
    private static let newline = UInt8(ascii: "\n")

    /// The note of `text` with a signature of each of the keys. The text is UTF-8 without control characters other than
    /// newline, and ends in a newline.
    public static func sign(text: [UInt8], keys: [SigningKey]) throws(SignedNoteError) -> [UInt8] {
        try check(text)
        guard text.last == newline else { throw .malformed("the text does not end in a newline") }
        guard !keys.isEmpty else { throw .malformed("there is no key to sign with") }
        guard keys.count <= signatureLimit else { throw .malformed("more than \(signatureLimit) signatures") }
        var note = text + [newline]
        for key in keys {
            let signature = KeyText.base64(key.verifyingKey.hash + (try key.sign(text)))
            note += mark + Array("\(key.verifyingKey.name) \(signature)".utf8) + [newline]
        }
        return note
    }

    /// The text of a note and the known keys that signed it, each once, in the order of the signatures.
    ///
    /// At least one of `keys` must have signed. A signature of an unknown key is passed over, one of a known key that
    /// does not fit refuses the note. Nothing of a refused note may be believed, so the errors show none of its text.
    public static func open(
        _ bytes: [UInt8], keys: [VerifyingKey], limit: Int = defaultLimit
    ) throws(SignedNoteError) -> (text: [UInt8], signers: [VerifyingKey]) {
        guard bytes.count <= limit else { throw .malformed("it has \(bytes.count) bytes, more than \(limit)") }
        try check(bytes)
        guard bytes.last == newline else { throw .malformed("it does not end in a newline") }
        guard let end = endOfText(bytes) else { throw .malformed("no empty line parts text and signatures") }
        let text = Array(bytes[..<end])
        let signatures = try signatures(bytes[(end + 1)...])

        var signers: [VerifyingKey] = []
        for signature in signatures {
            let named = keys.filter { $0.name.utf8.elementsEqual(signature.name.utf8) && $0.hash == signature.hash }
            guard !named.isEmpty else { continue }
            var signer: VerifyingKey?
            // Two keys of one name and hash are possible by accident: either may have signed.
            for key in named where signer == nil {
                if try Ed25519.verify(signature.bytes, of: text, key: key.publicKey) { signer = key }
            }
            guard let signer else { throw .badSignature(key: signature.label) }
            if !signers.contains(signer) { signers.append(signer) }
        }
        guard !signers.isEmpty else { throw .unsigned(found: signatures.map(\.label)) }
        return (text, signers)
    }

    private struct Signature {
        let name: String
        let hash: [UInt8]
        let bytes: [UInt8]

        var label: String { "\(name)+\(Hex.encode(hash))" }
    }

    /// UTF-8, and no control character but newline.
    private static func check(_ bytes: [UInt8]) throws(SignedNoteError) {
        guard bytes.allSatisfy({ $0 >= 0x20 || $0 == newline }) else { throw .malformed("it has a control character") }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .malformed("it is not UTF-8") }
    }

    /// The index of the second newline of the last empty line: the end of the text.
    private static func endOfText(_ bytes: [UInt8]) -> Int? {
        var index = bytes.count - 1
        while index > 0 {
            if bytes[index] == newline, bytes[index - 1] == newline { return index }
            index -= 1
        }
        return nil
    }

    private static func signatures(_ block: ArraySlice<UInt8>) throws(SignedNoteError) -> [Signature] {
        let lines = block.dropLast().split(
            separator: newline, maxSplits: signatureLimit, omittingEmptySubsequences: false)
        guard lines.count <= signatureLimit else { throw .malformed("more than \(signatureLimit) signatures") }
        var signatures: [Signature] = []
        for line in lines {
            guard line.starts(with: mark) else { throw .malformed("a line below the text is not a signature") }
            let fields = line.dropFirst(mark.count).split(
                separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
            guard fields.count == 2 else { throw .malformed("a signature is not a name and Base64") }
            let name = String(decoding: fields[0], as: UTF8.self)
            guard KeyText.isName(name) else { throw .malformed("a signature has no proper name: \(KeyText.rule)") }
            let encoded = String(decoding: fields[1], as: UTF8.self)
            guard let bytes = KeyText.decodeBase64(encoded), bytes.count > 4 else {
                throw .malformed("the signature of \(name) is not Base64 of a key hash and a signature")
            }
            signatures.append(Signature(name: name, hash: Array(bytes.prefix(4)), bytes: Array(bytes.dropFirst(4))))
        }
        return signatures
    }
}
