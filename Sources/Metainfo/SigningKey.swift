internal import COpenSSL
internal import FoundationEssentials
internal import SwarmCore

/// A public key of the C2SP signed-note format (https://c2sp.org/signed-note), Ed25519 only, with the name that its
/// signatures carry. Its one-line form is `NAME+HASH+BASE64`, as in Go's golang.org/x/mod/sumdb/note: eight hexadecimal
/// digits of the key hash, and the algorithm byte 0x01 with the 32 bytes of the key.
public struct VerifyingKey: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The key's name: not empty, without white space, plus signs and control characters.
    public let name: String
    /// The 32 bytes of the key (RFC 8032).
    public let publicKey: [UInt8]

    /// A key from its parts.
    public init(name: String, publicKey: [UInt8]) throws(SignedNoteError) {
        guard KeyText.isName(name) else {
            throw .invalidKey("“\(name.prefix(80))” is not a key's name: \(KeyText.rule)")
        }
        guard publicKey.count == Ed25519.keyLength else { throw .invalidKey("an Ed25519 key has 32 bytes") }
        self.name = name
        self.publicKey = publicKey
    }

    /// A key from its one-line form; white space around it is ignored.
    public init(_ text: String) throws(SignedNoteError) {
        let fields = try KeyText.fields(KeyText.trimmed(text), kind: "public key")
        self = try VerifyingKey(name: fields.name, publicKey: fields.key)
        guard hash == fields.hash else {
            throw .invalidKey("the public key \(name) does not have the hash that it states")
        }
    }

    /// The first four bytes of SHA-256(name, newline, 0x01, key).
    public var hash: [UInt8] {
        Array(Digest.sha256(Array(name.utf8) + [0x0a, KeyText.ed25519] + publicKey).bytes.prefix(4))
    }

    /// The one-line form.
    public var description: String { KeyText.line(name: name, hash: hash, key: publicKey) }

    /// Name and hash, which tell keys apart for people.
    public var label: String { "\(name)+\(Hex.encode(hash))" }

    /// Reads the one-line form.
    public init(from decoder: any Decoder) throws {
        try self.init(try decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the one-line form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A secret key of the C2SP signed-note format, Ed25519. It shows its label only, never its secret; `secretText` is for
/// a file that only its owner can read.
public struct SigningKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private static let prefix = "PRIVATE+KEY+"

    /// The other half, to be given to everyone.
    public let verifyingKey: VerifyingKey
    private let seed: [UInt8]

    /// A new key, from libcrypto's random numbers for secrets.
    public static func generate(name: String) throws(SignedNoteError) -> SigningKey {
        try SigningKey(name: name, seed: Ed25519.randomSeed())
    }

    /// The key of a seed of 32 bytes (RFC 8032, section 5.1.5).
    public init(name: String, seed: [UInt8]) throws(SignedNoteError) {
        guard seed.count == Ed25519.keyLength else { throw .invalidKey("an Ed25519 seed has 32 bytes") }
        verifyingKey = try VerifyingKey(name: name, publicKey: Ed25519.publicKey(seed: seed))
        self.seed = seed
    }

    /// A key from its secret text, `PRIVATE+KEY+NAME+HASH+BASE64`; white space around it is ignored, and no error shows
    /// any of it but the name.
    public init(secretText: String) throws(SignedNoteError) {
        let text = KeyText.trimmed(secretText)
        guard text.hasPrefix(Self.prefix) else {
            throw .invalidKey("this is not a private key: it does not begin with \(Self.prefix)")
        }
        let fields = try KeyText.fields(text.dropFirst(Self.prefix.count), kind: "private key")
        self = try SigningKey(name: fields.name, seed: fields.key)
        guard verifyingKey.hash == fields.hash else {
            throw .invalidKey("the private key \(fields.name) does not have the hash that it states")
        }
    }

    /// The text to store, without a newline: whoever has it can sign.
    public var secretText: String {
        Self.prefix + KeyText.line(name: verifyingKey.name, hash: verifyingKey.hash, key: seed)
    }

    /// The Ed25519 signature of `message`, 64 bytes.
    func sign(_ message: [UInt8]) throws(SignedNoteError) -> [UInt8] { try Ed25519.sign(message, seed: seed) }

    /// The label, without the secret.
    public var description: String { "private key \(verifyingKey.label)" }
    /// The label, without the secret.
    public var debugDescription: String { description }
    /// The public half only, so that `dump` does not show the secret.
    public var customMirror: Mirror { Mirror(self, children: ["verifyingKey": verifyingKey.description]) }
}

/// The text form that both keys share.
enum KeyText {
    /// The algorithm byte of Ed25519.
    static let ed25519: UInt8 = 0x01
    static let rule = "one or more characters, no white space, no plus sign, no control character"

    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy { scalar in
                !scalar.properties.isWhitespace && scalar != "+" && scalar.value >= 0x20 && scalar.value != 0x7f
            }
    }

    static func trimmed(_ text: String) -> Substring {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
        let bytes = text.utf8.drop(while: isSpace)
        guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return "" }
        return Substring(bytes[...last])
    }

    static func line(name: String, hash: [UInt8], key: [UInt8]) -> String {
        "\(name)+\(Hex.encode(hash))+\(base64([ed25519] + key))"
    }

    static func fields(
        _ text: Substring, kind: String
    ) throws(SignedNoteError) -> (name: String, hash: [UInt8], key: [UInt8]) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .invalidKey("a \(kind) is NAME+HASH+BASE64, in one line") }
        let name = String(parts[0])
        guard isName(name) else { throw .invalidKey("the \(kind) has no proper name: \(rule)") }
        guard let hash = Hex.decode(parts[1]), hash.count == 4 else {
            throw .invalidKey("the hash of the \(kind) \(name) is not eight hexadecimal digits")
        }
        guard let bytes = decodeBase64(parts[2]), let algorithm = bytes.first else {
            throw .invalidKey("the third part of the \(kind) \(name) is not Base64")
        }
        guard algorithm == ed25519, bytes.count == Ed25519.keyLength + 1 else {
            throw .invalidKey("the \(kind) \(name) is not of Ed25519")
        }
        return (name, hash, Array(bytes.dropFirst()))
    }

    static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Strict Base64 (RFC 4648, section 4): padded, and the only text that stands for its bytes.
    static func decodeBase64(_ text: some StringProtocol) -> [UInt8]? {
        guard let data = Data(base64Encoded: String(text)) else { return nil }
        let bytes = Array(data)
        return base64(bytes).utf8.elementsEqual(text.utf8) ? bytes : nil
    }
}

/// Ed25519 (RFC 8032) by libcrypto.
enum Ed25519 {
    static let keyLength = 32
    static let signatureLength = 64

    static func randomSeed() throws(SignedNoteError) -> [UInt8] {
        var seed = [UInt8](repeating: 0, count: keyLength)
        // unsafe: libcrypto fills the array's memory during the call.
        let status = unsafe seed.withUnsafeMutableBufferPointer {
            unsafe RAND_priv_bytes($0.baseAddress, Int32($0.count))
        }
        guard status == 1 else { throw failure("random numbers") }
        return seed
    }

    static func publicKey(seed: [UInt8]) throws(SignedNoteError) -> [UInt8] {
        let key = try Key(secret: seed)
        var length = keyLength
        // unsafe: libcrypto writes at most `length` bytes into the array during the call.
        let (bytes, status) = unsafe filled(keyLength) { unsafe EVP_PKEY_get_raw_public_key(key.pointer, $0, &length) }
        guard status == 1, length == keyLength else { throw failure("public key") }
        return bytes
    }

    static func sign(_ message: [UInt8], seed: [UInt8]) throws(SignedNoteError) -> [UInt8] {
        let key = try Key(secret: seed)
        let context = try Context()
        // unsafe: key and context outlive the call. Ed25519 takes no digest, which null says.
        guard unsafe EVP_DigestSignInit(context.pointer, nil, nil, nil, key.pointer) == 1 else {
            throw failure("signature")
        }
        var length = signatureLength
        // unsafe: libcrypto reads `message` and writes at most `length` bytes during the call.
        let (bytes, status) = unsafe filled(signatureLength) {
            unsafe EVP_DigestSign(context.pointer, $0, &length, message, message.count)
        }
        guard status == 1, length == signatureLength else { throw failure("signature") }
        return bytes
    }

    static func verify(_ signature: [UInt8], of message: [UInt8], key: [UInt8]) throws(SignedNoteError) -> Bool {
        guard signature.count == signatureLength else { return false }
        let key = try Key(public: key)
        let context = try Context()
        // unsafe: key and context outlive the call. Ed25519 takes no digest, which null says.
        guard unsafe EVP_DigestVerifyInit(context.pointer, nil, nil, nil, key.pointer) == 1 else {
            throw failure("verification")
        }
        // unsafe: libcrypto reads both arrays during the call.
        let status = unsafe EVP_DigestVerify(context.pointer, signature, signature.count, message, message.count)
        // A refused signature leaves an entry in this thread's queue of errors.
        ERR_clear_error()
        return status == 1
    }

    /// An array of `count` bytes, filled by `body`, and what `body` returned.
    private static func filled(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>?) -> Int32) -> ([UInt8], Int32) {
        var bytes = [UInt8](repeating: 0, count: count)
        // unsafe: the pointer stays inside the closure.
        let status = unsafe bytes.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress) }
        return (bytes, status)
    }

    private static func failure(_ what: String) -> SignedNoteError {
        let code = ERR_get_error()
        ERR_clear_error()
        var text = [CChar](repeating: 0, count: 256)
        // unsafe: libcrypto writes at most `count` bytes with a zero at the end.
        unsafe ERR_error_string_n(code, &text, text.count)
        let message = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return .library("\(what): \(message)")
    }

    /// The owner of an EVP_PKEY, which it frees.
    // @safe: the pointer is used in this file only, while its owner lives.
    @safe private struct Key: ~Copyable {
        let pointer: OpaquePointer

        init(secret: [UInt8]) throws(SignedNoteError) {
            // unsafe: libcrypto copies the bytes.
            guard let key = unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, secret, secret.count) else {
                throw failure("private key")
            }
            unsafe pointer = key
        }

        init(public bytes: [UInt8]) throws(SignedNoteError) {
            // unsafe: libcrypto copies the bytes.
            guard let key = unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count) else {
                throw failure("public key")
            }
            unsafe pointer = key
        }

        deinit {
            // unsafe: the owner goes, and no copy of the pointer is left.
            unsafe EVP_PKEY_free(pointer)
        }
    }

    /// The owner of an EVP_MD_CTX, which it frees.
    // @safe: the pointer is used in this file only, while its owner lives.
    @safe private struct Context: ~Copyable {
        let pointer: OpaquePointer

        init() throws(SignedNoteError) {
            // unsafe: libcrypto allocates the context.
            guard let context = unsafe EVP_MD_CTX_new() else { throw failure("context") }
            unsafe pointer = context
        }

        deinit {
            // unsafe: the owner goes, and no copy of the pointer is left.
            unsafe EVP_MD_CTX_free(pointer)
        }
    }
}
