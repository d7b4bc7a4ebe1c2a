internal import COpenSSL
public import SwarmCore

/// One EVP digest context with its algorithm, reused from digest to digest.
///
/// Ownership: the only owner of the context, which it frees. A failing call of these functions means that memory is
/// exhausted or that libcrypto is broken; neither leaves anything sensible to do, so both end the process.
///
/// Not private: an optimized build lets other modules refer to its metadata, which a private type does not export.
// @safe: no pointer is handed out, and what it points to lives as long as this value.
@safe struct DigestContext: ~Copyable {
    /// The longest digest that is made here, SHA-256's.
    static let largestDigest = 32

    private let context: OpaquePointer

    init(_ algorithm: OpaquePointer?) {
        // unsafe: libcrypto allocates the context; the only copy of the pointer is freed in `deinit`.
        guard let algorithm = unsafe algorithm, let context = unsafe EVP_MD_CTX_new() else {
            fatalError("libcrypto gives no digest context")
        }
        unsafe self.context = context
        // unsafe: both pointers are live. Parameters are none, which null says.
        guard unsafe EVP_DigestInit_ex2(context, algorithm, nil) == 1 else {
            fatalError("libcrypto does not start a digest")
        }
    }

    deinit {
        // unsafe: the owner goes, and no copy of the pointer is left.
        unsafe EVP_MD_CTX_free(context)
    }

    mutating func reset() {
        // unsafe: the context is live; a null algorithm means the same as before, so nothing is looked up.
        guard unsafe EVP_DigestInit_ex2(context, nil, nil) == 1 else { fatalError("libcrypto does not reset a digest") }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // unsafe: libcrypto reads `count` bytes during the call and keeps no pointer.
        guard unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            fatalError("libcrypto does not go on with a digest")
        }
    }

    /// Hands the digest's bytes to `body` and starts the next digest.
    mutating func finalize<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        // unsafe: the buffer holds the longest digest; what `body` sees is the part that libcrypto wrote.
        let result = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.largestDigest) { buffer in
            var length: UInt32 = 0
            guard unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, &length) == 1 else {
                fatalError("libcrypto does not finish a digest")
            }
            return unsafe body(UnsafeBufferPointer(rebasing: buffer[..<Int(length)]))
        }
        reset()
        return result
    }
}

/// The algorithms, fetched once: a fetch costs more than the digest of a short text.
private enum Algorithms {
    // unsafe: written once before the first use, never freed; an EVP_MD is immutable and free of threads.
    nonisolated(unsafe) static let sha1 = unsafe EVP_MD_fetch(nil, "SHA1", nil)
    nonisolated(unsafe) static let sha256 = unsafe EVP_MD_fetch(nil, "SHA2-256", nil)
}

/// SHA-1 (FIPS 180-4), which BitTorrent v1 uses for pieces and info-hashes (BEP 3). Several threads use one each; one
/// hasher makes any number of digests.
public struct SHA1Hasher: ~Copyable {
    private var context: DigestContext

    /// A hasher that has seen no byte.
    public init() { unsafe context = DigestContext(Algorithms.sha1) }

    /// Forgets what was seen since the last digest.
    public mutating func reset() { context.reset() }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { unsafe context.update(bytes) }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: borrowing Span<UInt8>) {
        // unsafe: the pointer stays inside the closure.
        unsafe bytes.withUnsafeBytes { unsafe context.update($0) }
    }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: [UInt8]) { update(bytes.span) }

    /// The digest; the hasher is then ready for the next.
    public mutating func finalize() -> InfoHash {
        // unsafe: the digest copies the buffer.
        guard let digest = unsafe context.finalize({ unsafe InfoHash(bytes: $0) }) else {
            // The context was made for this algorithm, and is never given another one: its digests have no other length.
            preconditionFailure("SHA-1 has 20 bytes")
        }
        return digest
    }

    /// Appends the 20 bytes of the digest, as the `pieces` of a torrent lie; the hasher is then ready for the next.
    public mutating func finalize(appendingTo digests: inout [UInt8]) {
        // unsafe: the array copies the buffer.
        unsafe context.finalize { unsafe digests.append(contentsOf: $0) }
    }
}

/// SHA-256 (FIPS 180-4). Several threads use one each; one hasher makes any number of digests.
public struct SHA256Hasher: ~Copyable {
    private var context: DigestContext

    /// A hasher that has seen no byte.
    public init() { unsafe context = DigestContext(Algorithms.sha256) }

    /// Forgets what was seen since the last digest.
    public mutating func reset() { context.reset() }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { unsafe context.update(bytes) }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: borrowing Span<UInt8>) {
        // unsafe: the pointer stays inside the closure.
        unsafe bytes.withUnsafeBytes { unsafe context.update($0) }
    }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: [UInt8]) { update(bytes.span) }

    /// The digest; the hasher is then ready for the next.
    public mutating func finalize() -> SHA256Digest {
        // unsafe: the digest copies the buffer.
        guard let digest = unsafe context.finalize({ unsafe SHA256Digest(bytes: $0) }) else {
            // The context was made for this algorithm, and is never given another one: its digests have no other length.
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return digest
    }
}

/// Digests of what is in memory as a whole.
public enum Digest {
    /// SHA-1 of `bytes`: of a bencoded info dictionary, its info-hash (BEP 3).
    public static func sha1(_ bytes: [UInt8]) -> InfoHash { sha1(bytes.span) }

    /// SHA-1 of a part of something larger, which is not copied.
    public static func sha1(_ bytes: borrowing Span<UInt8>) -> InfoHash {
        var hasher = SHA1Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// SHA-256 of `bytes`.
    public static func sha256(_ bytes: [UInt8]) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }
}
