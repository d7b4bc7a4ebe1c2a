import Metainfo
import SwarmCore
import Testing

/// The vectors with the keys PeterNeumann and EnochRoot are those of Go's golang.org/x/mod/sumdb/note (note_test.go).
struct SignedNoteTests {
    static let peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    static let peterPublic = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    static let enochPublic = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
    static let text =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    static let peterLine =
        "— PeterNeumann "
        + "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    static let enochLine =
        "— EnochRoot "
        + "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

    let peter: VerifyingKey
    let enoch: VerifyingKey

    init() throws {
        peter = try VerifyingKey(Self.peterPublic)
        enoch = try VerifyingKey(Self.enochPublic)
    }

    private func open(
        _ note: String, _ keys: [VerifyingKey], limit: Int = SignedNote.defaultLimit
    ) throws(SignedNoteError) -> (text: [UInt8], signers: [VerifyingKey]) {
        try SignedNote.open(Array(note.utf8), keys: keys, limit: limit)
    }

    // MARK: Signing and opening

    @Test("a signed note is byte for byte Go's")
    func signKnownNote() throws {
        let key = try SigningKey(secretText: Self.peterSecret)
        #expect(key.verifyingKey == peter)
        let note = try SignedNote.sign(text: Array(Self.text.utf8), keys: [key])
        #expect(String(decoding: note, as: UTF8.self) == Self.text + "\n" + Self.peterLine)
    }

    @Test("a note opens with one of its keys, or with both")
    func openKnownNote() throws {
        let note = Self.text + "\n" + Self.peterLine + Self.enochLine
        #expect(try open(note, [peter]).text == Array(Self.text.utf8))
        #expect(try open(note, [peter]).signers == [peter])
        #expect(try open(note, [enoch, peter]).signers == [peter, enoch])
        #expect(try open(note, [enoch, enoch]).signers == [enoch])
    }

    @Test("a note without a known key's signature is refused, with the keys that signed")
    func unsigned() throws {
        let note = Self.text + "\n" + Self.peterLine + Self.enochLine
        let error = #expect(throws: SignedNoteError.unsigned(found: ["PeterNeumann+c74f20a3", "EnochRoot+af0cfe78"])) {
            try open(note, [])
        }
        #expect(error?.description.contains("PeterNeumann+c74f20a3, EnochRoot+af0cfe78") == true)
        // The name alone does not make a key known.
        let namesake = try SigningKey.generate(name: "PeterNeumann").verifyingKey
        #expect(throws: SignedNoteError.self) { try open(Self.text + "\n" + Self.peterLine, [namesake]) }
    }

    @Test("a known key's signature that does not fit refuses the note, beside a good one too")
    func badSignature() throws {
        let changed = Self.text.replacing("cryptography", with: "cryptographY")
        #expect(throws: SignedNoteError.badSignature(key: peter.label)) {
            try open(changed + "\n" + Self.peterLine, [peter])
        }
        let other = try SignedNote.sign(text: Array("x\n".utf8), keys: [SigningKey(secretText: Self.peterSecret)])
        let strayLine = String(decoding: other, as: UTF8.self).dropFirst(3)
        #expect(throws: SignedNoteError.badSignature(key: peter.label)) {
            try open(Self.text + "\n" + Self.peterLine + strayLine, [peter])
        }
        // As in Go's tests: four more characters in the Base64 make a signature that is too long.
        let long = String(Self.peterLine.prefix(60)) + "ABCD" + String(Self.peterLine.dropFirst(60))
        #expect(throws: SignedNoteError.badSignature(key: peter.label)) { try open(Self.text + "\n" + long, [peter]) }
        // An unknown key's signature is passed over, whatever it is.
        #expect(try open(Self.text + "\n" + Self.enochLine + long, [enoch]).signers == [enoch])
    }

    @Test("repeated signatures count once, and up to 100 of them are read")
    func repeatedSignatures() throws {
        let hundred = Self.text + "\n" + String(repeating: Self.peterLine, count: 100)
        #expect(try open(hundred, [peter]).signers == [peter])
        #expect(throws: SignedNoteError.malformed("more than 100 signatures")) {
            try open(hundred + Self.peterLine, [peter])
        }
    }

    @Test("the last empty line parts text and signatures")
    func emptyLinesInText() throws {
        let key = try SigningKey.generate(name: "mirror.example/feed")
        for text in ["\n", "\n\n", "a\n\nb\n", "a\n\n", "è subito sera\n\n— x AAAA\n"] {
            let note = try SignedNote.sign(text: Array(text.utf8), keys: [key])
            let opened = try SignedNote.open(note, keys: [key.verifyingKey])
            #expect(opened.text == Array(text.utf8))
        }
    }

    /// What may lie below text and empty line, and what may not lie before.
    static func malformedNotes() -> [String] {
        let whole = "\(text)\n\(peterLine)"
        var notes: [String] = ["", "\n", "\n\n", text, text + "\n", text + peterLine, String(whole.dropLast())]
        for prefix in ["\u{1}", "\t", "\r"] { notes.append(prefix + whole) }
        for name in ["", "Bad Name", "Bad+Name", "Bad\u{2003}Name"] {
            notes.append(whole.replacing("PeterNeumann", with: name))
        }
        for line in ["Unexpected line.", "", "- PeterNeumann AAAAAAAA", "— PeterNeumann ", "— PeterNeumann"] {
            notes.append("\(whole)\(line)\n")
        }
        // Base64 without padding, with other bits in the padding, of less than a key hash, of a key hash only.
        for encoded in ["x08gow", "x08gox==", "x08=", "x08goA=="] {
            notes.append("\(text)\n— PeterNeumann \(encoded)\n")
        }
        return notes
    }

    @Test("a note that breaks the format is refused", arguments: malformedNotes())
    func malformed(note: String) {
        let error = #expect(throws: SignedNoteError.self) { try open(note, [peter]) }
        guard case .malformed? = error else {
            Issue.record("\(String(describing: error)) for \(note)")
            return
        }
    }

    @Test("bytes that are not UTF-8, and a note above the limit, are refused")
    func bounds() throws {
        let note = Self.text + "\n" + Self.peterLine
        #expect(throws: SignedNoteError.malformed("it is not UTF-8")) {
            try SignedNote.open([0xff] + Array(note.utf8), keys: [peter])
        }
        #expect(throws: SignedNoteError.self) { try open(note, [peter], limit: note.utf8.count - 1) }
        #expect(throws: Never.self) { try open(note, [peter], limit: note.utf8.count) }
    }

    @Test("what cannot be opened is not signed", arguments: ["", "no newline", "tab\t\n", "\r\n"])
    func malformedText(text: String) throws {
        let key = try SigningKey(secretText: Self.peterSecret)
        #expect(throws: SignedNoteError.self) { try SignedNote.sign(text: Array(text.utf8), keys: [key]) }
        #expect(throws: SignedNoteError.self) { try SignedNote.sign(text: Array("a\n".utf8), keys: []) }
        let many = Array(repeating: key, count: 101)
        #expect(throws: SignedNoteError.self) { try SignedNote.sign(text: Array("a\n".utf8), keys: many) }
    }

    // MARK: Keys

    @Test("RFC 8032, section 7.1, test 1: the public key of a seed")
    func seedVector() throws {
        let seed = try #require(Hex.decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        let key = try SigningKey(name: "rfc8032", seed: seed)
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        #expect(Hex.encode(key.verifyingKey.publicKey) == expected)
    }

    @Test("keys come back from their texts, with white space around them")
    func keyTexts() throws {
        #expect(peter.description == Self.peterPublic)
        #expect(peter.name == "PeterNeumann")
        #expect(Hex.encode(peter.hash) == "c74f20a3")
        #expect(try VerifyingKey("  \(Self.peterPublic)\n") == peter)
        #expect(try SigningKey(secretText: Self.peterSecret + "\r\n").secretText == Self.peterSecret)
        let key = try SigningKey.generate(name: "debian")
        #expect(try SigningKey(secretText: key.secretText).verifyingKey == key.verifyingKey)
        #expect(try VerifyingKey(key.verifyingKey.description) == key.verifyingKey)
        #expect(try SigningKey.generate(name: "debian").verifyingKey != key.verifyingKey)
        #expect(try Documents.decode(VerifyingKey.self, from: Documents.encode(peter)) == peter)
    }

    /// All parts of a text but the whole, and the text with each byte one higher, as in Go's tests.
    static func mangled(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        var result: [String] = []
        for start in bytes.indices {
            for end in start...bytes.count where end - start < bytes.count {
                result.append(String(decoding: bytes[start..<end], as: UTF8.self))
            }
            var changed = bytes
            changed[start] += 1
            result.append(String(decoding: changed, as: UTF8.self))
        }
        return result
    }

    @Test("no mangled key is taken")
    func mangledKeys() {
        for text in Self.mangled(Self.peterPublic) {
            #expect(throws: SignedNoteError.self, "\(text)") { try VerifyingKey(text) }
        }
        for text in Self.mangled(Self.peterSecret) {
            #expect(throws: SignedNoteError.self, "\(text)") { try SigningKey(secretText: text) }
        }
        // Go's: a key that is too long, and an unknown algorithm, each with the fitting hash.
        for text in [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            #expect(throws: SignedNoteError.self) { try VerifyingKey(text) }
        }
    }

    @Test(
        "a name with space, plus or nothing in it is no key's name", arguments: ["", "a b", "a+b", "a\n", "a\u{a0}b"])
    func badNames(name: String) {
        #expect(throws: SignedNoteError.self) { try SigningKey.generate(name: name) }
    }

    @Test("a secret key does not show its secret, and no error does")
    func secrecy() throws {
        let key = try SigningKey(secretText: Self.peterSecret)
        var dumped = ""
        dump(key, to: &dumped)
        for shown in ["\(key)", String(reflecting: key), dumped] {
            #expect(shown.contains("PeterNeumann"))
            #expect(!shown.contains("AYEKFALV") && !shown.contains("elements"))
        }
        let broken = Self.peterSecret.replacing("c74f20a3", with: "c74f20a4")
        let error = #expect(throws: SignedNoteError.self) { try SigningKey(secretText: broken) }
        #expect(error?.description.contains("AYEKFALV") == false)
    }
}
