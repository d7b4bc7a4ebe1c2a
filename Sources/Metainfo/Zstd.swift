internal import CZstd

/// Why bytes were not compressed or decompressed.
public enum ZstdError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The level is outside `lowest` to `highest`.
    case unsupportedLevel(Int32, lowest: Int32, highest: Int32)
    /// No zstd frame begins here.
    case notZstd
    /// The frame ends before its end is found.
    case truncated
    /// Bytes follow the frame.
    case trailingBytes(Int)
    /// The content has another length than expected; `found` is nil when it is not known, only that it differs.
    case wrongSize(expected: Int, found: UInt64?)
    /// libzstd refuses, with its own code (`ZSTD_ErrorCode`) and text.
    case library(code: UInt32, message: String)

    /// What happened, in words.
    public var description: String {
        switch self {
        case .unsupportedLevel(let level, let lowest, let highest):
            "zstd has no compression level \(level): use \(lowest) to \(highest)"
        case .notZstd: "this is not zstd data"
        case .truncated: "the zstd data is cut off"
        case .trailingBytes(let count): "\(count) bytes follow the end of the zstd data"
        case .wrongSize(let expected, let found?): "the zstd data holds \(found) bytes, not the expected \(expected)"
        case .wrongSize(let expected, nil): "the zstd data does not hold the expected \(expected) bytes"
        case .library(let code, let message): "zstd: \(message) (code \(code))"
        }
    }
}

/// Zstandard (RFC 8878): one frame in memory, with a length that is known beforehand.
public enum Zstd {
    /// Half of a torrent is digests, which no level compresses: of one with 20,000 files, level 3 makes 1.6 % less than
    /// level 1 in three times the time, and a patch that is 0.6 % shorter in half as much time again.
    public static let torrentLevel: Int32 = 1

    /// A patch: the bytes as one frame that refers to what they share with `base`, as `zstd --patch-from` makes it.
    public static func patch(from base: [UInt8], to bytes: [UInt8], level: Int32 = torrentLevel) throws(ZstdError)
        -> [UInt8]
    {
        // unsafe, in both closures: libzstd reads and writes within the given lengths, and keeps the pointer to `base`
        // until the end of the frame, which is within the closure.
        guard let context = unsafe ZSTD_createCCtx() else { throw .library(code: 64, message: "no memory") }
        defer { unsafe ZSTD_freeCCtx(context) }
        // The window has to reach from the end of the new bytes back to the start of the base, and the table of what is there
        // has to hold all of the base, of which every third place is entered.
        let window = binaryLogarithm(of: base.count + bytes.count, within: 10...31)
        let table = binaryLogarithm(of: base.count / 3, within: 14...22)
        for (parameter, value) in [
            (ZSTD_c_compressionLevel, level), (ZSTD_c_windowLog, window), (ZSTD_c_hashLog, table),
            (ZSTD_c_contentSizeFlag, 1),
        ] {
            let status = unsafe ZSTD_CCtx_setParameter(context, parameter, value)
            guard ZSTD_isError(status) == 0 else { throw error(status) }
        }
        let bound = ZSTD_compressBound(bytes.count)
        guard ZSTD_isError(bound) == 0 else { throw error(bound) }
        var status = 0
        let frame = unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            status = unsafe base.withUnsafeBytes { base in
                unsafe bytes.withUnsafeBytes { source in
                    let status = unsafe ZSTD_CCtx_refPrefix(context, base.baseAddress, base.count)
                    guard ZSTD_isError(status) == 0 else { return status }
                    return unsafe ZSTD_compress2(
                        context, buffer.baseAddress, buffer.count, source.baseAddress, source.count)
                }
            }
            count = ZSTD_isError(status) == 0 ? status : 0
        }
        guard ZSTD_isError(status) == 0 else { throw error(status) }
        return frame
    }

    /// The power of two that is not below a number.
    private static func binaryLogarithm(of number: Int, within bounds: ClosedRange<Int32>) -> Int32 {
        var power = bounds.lowerBound
        while power < bounds.upperBound, 1 << power < number { power += 1 }
        return power
    }

    /// What a patch makes of `base`; it must have exactly `size` bytes. Memory is taken as by `decompress`.
    public static func apply(_ patch: [UInt8], to base: [UInt8], size: Int) throws(ZstdError) -> [UInt8] {
        guard size >= 0 else { throw .wrongSize(expected: size, found: nil) }
        try checkFrame(patch, size: size)
        // unsafe: as in `patch`.
        guard let context = unsafe ZSTD_createDCtx() else { throw .library(code: 64, message: "no memory") }
        defer { unsafe ZSTD_freeDCtx(context) }
        var status = 0
        let content = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            status = unsafe base.withUnsafeBytes { base in
                unsafe patch.withUnsafeBytes { source in
                    let status = unsafe ZSTD_DCtx_refPrefix(context, base.baseAddress, base.count)
                    guard ZSTD_isError(status) == 0 else { return status }
                    return unsafe ZSTD_decompressDCtx(
                        context, buffer.baseAddress, size, source.baseAddress, source.count)
                }
            }
            count = ZSTD_isError(status) == 0 ? status : 0
        }
        guard ZSTD_isError(status) == 0 else { throw error(status) }
        guard content.count == size else { throw .wrongSize(expected: size, found: UInt64(content.count)) }
        return content
    }

    /// The bytes as one frame, which states the content's length. Level 3 is zstd's default, 19 is slow and small.
    public static func compress(_ bytes: [UInt8], level: Int32 = torrentLevel) throws(ZstdError) -> [UInt8] {
        guard (ZSTD_minCLevel()...ZSTD_maxCLevel()).contains(level) else {
            throw .unsupportedLevel(level, lowest: ZSTD_minCLevel(), highest: ZSTD_maxCLevel())
        }
        let bound = ZSTD_compressBound(bytes.count)
        guard ZSTD_isError(bound) == 0 else { throw error(bound) }
        var status = 0
        // unsafe: libzstd writes at most `capacity` bytes and says how many; it keeps neither pointer.
        let frame = unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            status = unsafe bytes.withUnsafeBytes { source in
                unsafe ZSTD_compress(buffer.baseAddress, buffer.count, source.baseAddress, source.count, level)
            }
            count = ZSTD_isError(status) == 0 ? status : 0
        }
        guard ZSTD_isError(status) == 0 else { throw error(status) }
        return frame
    }

    /// The content of a frame, which must have exactly `size` bytes and fill all of `bytes`.
    ///
    /// Memory is taken for `size` bytes and no more, after the frame's header was seen to state that size or none; so
    /// `size` must come from a document that is believed.
    public static func decompress(_ bytes: [UInt8], size: Int) throws(ZstdError) -> [UInt8] {
        guard size >= 0 else { throw .wrongSize(expected: size, found: nil) }
        try checkFrame(bytes, size: size)
        var status = 0
        // unsafe: libzstd writes at most `buffer.count` bytes and says how many; it keeps neither pointer.
        let content = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            status = unsafe bytes.withUnsafeBytes { source in
                // An allocation may be larger than what was asked for.
                unsafe ZSTD_decompress(buffer.baseAddress, size, source.baseAddress, source.count)
            }
            count = ZSTD_isError(status) == 0 ? status : 0
        }
        guard ZSTD_isError(status) == 0 else {
            if ZSTD_getErrorCode(status) == ZSTD_error_dstSize_tooSmall { throw .wrongSize(expected: size, found: nil) }
            throw error(status)
        }
        guard content.count == size else { throw .wrongSize(expected: size, found: UInt64(content.count)) }
        return content
    }

    /// What every frame begins with (RFC 8878, section 3.1.1): 0xFD2FB528, little-endian.
    private static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    /// Checks the header, and that one frame fills all of `bytes`; decompresses nothing.
    private static func checkFrame(_ bytes: [UInt8], size: Int) throws(ZstdError) {
        guard bytes.starts(with: magic) else { throw magic.starts(with: bytes) ? .truncated : .notZstd }
        // unsafe, here and below: libzstd reads within the given length and keeps no pointer.
        let stated = unsafe bytes.withUnsafeBytes { unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        // ZSTD_CONTENTSIZE_UNKNOWN is 2^64 - 1: the frame does not say. ZSTD_CONTENTSIZE_ERROR is 2^64 - 2: the header
        // is not whole.
        guard stated != UInt64.max - 1 else { throw .truncated }
        guard stated == UInt64.max || stated == UInt64(size) else { throw .wrongSize(expected: size, found: stated) }
        let length = unsafe bytes.withUnsafeBytes { unsafe ZSTD_findFrameCompressedSize($0.baseAddress, $0.count) }
        guard ZSTD_isError(length) == 0 else {
            if ZSTD_getErrorCode(length) == ZSTD_error_srcSize_wrong { throw .truncated }
            throw error(length)
        }
        guard length == bytes.count else { throw .trailingBytes(bytes.count - length) }
    }

    private static func error(_ status: Int) -> ZstdError {
        // unsafe: the name is a constant string of libzstd's.
        let message = unsafe String(cString: ZSTD_getErrorName(status))
        return .library(code: ZSTD_getErrorCode(status).rawValue, message: message)
    }
}
