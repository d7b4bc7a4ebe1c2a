import SwarmCore
import Testing

struct QuantitiesTests {
    @Test(
        "durations",
        arguments: [
            ("15m", 900_000), ("30s", 30_000), ("1h", 3_600_000), ("2d", 172_800_000), ("1w", 604_800_000),
            ("500ms", 500), ("1h30m", 5_400_000), ("1h 30m", 5_400_000), ("1d 2h 3m 4s 5ms", 93_784_005), ("0s", 0),
        ])
    func durations(text: String, milliseconds: Int) {
        #expect(Quantities.duration(text) == .milliseconds(milliseconds))
    }

    @Test(
        "what is not a duration",
        arguments: [
            "", " ", "15", "m", "-1s", "+1s", "1.5h", "1M", "1 h", "1h30", "30m1h", "1h1h", "1s ", " 1s", "1h  x", "١s",
            "9223372036854775807s", "99999999999999999999s", "1hour", "1m1ms1s",
        ])
    func notDurations(text: String) { #expect(Quantities.duration(text) == nil) }

    @Test(
        "byte counts",
        arguments: [
            ("0", 0), ("4096", 4096), ("10B", 10), ("10MB", 10_000_000), ("10 MB", 10_000_000), ("10mb", 10_000_000),
            ("512KiB", 524_288), ("1kB", 1000), ("1.5GB", 1_500_000_000), ("1.5KiB", 1536), ("0.001kB", 1),
            ("2TiB", 2_199_023_255_552), ("3PB", 3_000_000_000_000_000), ("1.999MiB", 2_096_103),
            ("9223372036854775807", Int64.max),
        ])
    func byteCounts(text: String, bytes: Int64) { #expect(Quantities.bytes(text) == bytes) }

    @Test(
        "what is not a byte count",
        arguments: [
            "", "MB", "-1", "+1", "10M", "10K", "1,5GB", "1.GB", ".5GB", "1.5", "1.5B", "1.2345GB", "10MB ", " 10MB",
            "10MBs", "9223372036854775808", "9300PB", "0x10", "٣MB",
        ])
    func notByteCounts(text: String) { #expect(Quantities.bytes(text) == nil) }

    @Test(
        "byte counts for people",
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (999_949, "999.9 kB"),
            (999_950, "1.0 MB"), (4_000_000_000, "4.0 GB"), (-1500, "-1.5 kB"), (Int64.max, "9.2 EB"),
            (Int64.min, "-9.2 EB"),
        ])
    func formatBytes(bytes: Int64, text: String) { #expect(Quantities.format(bytes: bytes) == text) }

    @Test(
        "durations for people",
        arguments: [
            (0, "0s"), (250, "250ms"), (1000, "1s"), (12_345, "12.3s"), (59_999, "59.9s"), (320_000, "5m 20s"),
            (900_000, "15m"), (5_400_000, "1h 30m"), (172_800_000, "2d"), (183_600_000, "2d 3h"), (-1500, "-1.5s"),
        ])
    func formatDuration(milliseconds: Int, text: String) {
        #expect(Quantities.format(duration: .milliseconds(milliseconds)) == text)
    }

    @Test("a formatted duration of whole units is read back", arguments: [1, 59, 60, 3600, 5400, 86400, 90000])
    func readBack(seconds: Int) {
        #expect(Quantities.duration(Quantities.format(duration: .seconds(seconds))) == .seconds(seconds))
    }
}
