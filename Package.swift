// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target of ours: Swift 6 mode, warnings are errors, C modules do not leak through public interfaces.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Settings of the targets that face C: each unsafe expression is marked as such.
let strictOverC: [SwiftSetting] = strict + [.strictMemorySafety()]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let algorithms = Target.Dependency.product(name: "Algorithms", package: "swift-algorithms")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationEssentialsCompat", package: "swift-nio")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let tomlKit = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")

/// What libtorrent-rasterbar.pc lists. Without these defines the structures have another layout than in the installed
/// library.
let libtorrentDefines: [CXXSetting] = [
    .define("TORRENT_LINKING_SHARED"), .define("BOOST_ASIO_ENABLE_CANCELIO"),
    .define("BOOST_ASIO_NO_DEPRECATED"), .define("TORRENT_USE_OPENSSL"),
    .define("TORRENT_USE_LIBCRYPTO"), .define("TORRENT_SSL_PEERS"), .define("OPENSSL_NO_SSL2"),
    .define("BOOST_ALL_NO_LIB"),
]

let package = Package(
    name: "swarm-mirror",
    products: [
        .executable(name: "swarm-publish", targets: ["swarm-publish"]),
        .executable(name: "swarm-node", targets: ["swarm-node"]),
        .executable(name: "swarm-tracker", targets: ["swarm-tracker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-algorithms", from: "1.2.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    ],
    targets: [
        // C libraries. CLibtorrent is compiled: a pkg-config system target would drop the defines.
        .target(
            name: "CLibtorrent",
            path: "CShims/CLibtorrent",
            publicHeadersPath: "include",
            cxxSettings: libtorrentDefines,
            linkerSettings: [
                .linkedLibrary("torrent-rasterbar"), .linkedLibrary("ssl"), .linkedLibrary("crypto"),
            ]
        ),
        .systemLibrary(name: "COpenSSL", path: "CShims/COpenSSL"),
        .systemLibrary(name: "CZstd", path: "CShims/CZstd"),
        .systemLibrary(name: "CMaxMindDB", path: "CShims/CMaxMindDB"),
        .systemLibrary(name: "CLinux", path: "CShims/CLinux"),

        .target(name: "SwarmCore", swiftSettings: strict),
        .target(
            name: "Metainfo", dependencies: ["SwarmCore", "COpenSSL", "CZstd", algorithms], swiftSettings: strictOverC),
        .target(name: "TorrentEngine", dependencies: ["SwarmCore", "CLibtorrent"], swiftSettings: strictOverC),
        .target(name: "FileTree", dependencies: ["SwarmCore", "CLinux"], swiftSettings: strict),
        .target(
            name: "AddressDatabase", dependencies: ["SwarmCore", "CMaxMindDB", "CLinux"], swiftSettings: strictOverC),
        .target(name: "ConfigurationFile", dependencies: ["SwarmCore", tomlKit], swiftSettings: strict),
        .target(
            name: "Publishing",
            dependencies: ["SwarmCore", "Metainfo", "FileTree", "ConfigurationFile", grdb, grdbSQLite, logging],
            swiftSettings: strict),
        .target(
            name: "Mirroring",
            dependencies: [
                "SwarmCore", "Metainfo", "TorrentEngine", "FileTree", "ConfigurationFile", "AddressDatabase", grdb,
                asyncHTTPClient, logging, nioCore, nioHTTP1,
            ],
            swiftSettings: strict),
        .target(
            name: "ContentServer",
            dependencies: [
                "SwarmCore", "Metainfo", "FileTree", nioCore, nioPosix, nioHTTP1, nioFoundation, logging, lifecycle,
            ],
            swiftSettings: strict),
        .target(
            name: "TrackerCore", dependencies: ["SwarmCore", algorithms], path: "tracker/TrackerCore",
            swiftSettings: strict),
        .target(
            name: "PlaceDatabases", dependencies: ["SwarmCore", "TrackerCore", "AddressDatabase"],
            path: "tracker/PlaceDatabases", swiftSettings: strictOverC),
        .target(
            name: "Datagrams", dependencies: ["SwarmCore", "CLinux"], path: "tracker/Datagrams",
            swiftSettings: strictOverC),
        .target(
            name: "TrackerServer",
            dependencies: [
                "SwarmCore", "TrackerCore", "PlaceDatabases", "Datagrams", "Metainfo", "ConfigurationFile", grdb,
                asyncHTTPClient,
                logging, nioCore, nioPosix, nioHTTP1, mustache,
            ],
            path: "tracker/TrackerServer", swiftSettings: strict),
        .executableTarget(
            name: "swarm-publish",
            dependencies: [
                "SwarmCore", "Metainfo", "Publishing", "TorrentEngine", "ContentServer", "FileTree", "TrackerCore",
                argumentParser, asyncHTTPClient, nioCore, nioHTTP1, logging, lifecycle, unixSignals,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "swarm-node",
            dependencies: [
                "SwarmCore", "Metainfo", "Mirroring", "TorrentEngine", "ContentServer", "FileTree", "ConfigurationFile",
                argumentParser, asyncHTTPClient, nioCore, logging, unixSignals,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "swarm-tracker",
            dependencies: [
                "SwarmCore", "TrackerCore", "TrackerServer", "FileTree", "ConfigurationFile", argumentParser,
                asyncHTTPClient, nioCore, nioHTTP1, logging, unixSignals,
            ],
            path: "tracker/swarm-tracker", swiftSettings: strict),

        .target(
            name: "SwarmTestSupport", dependencies: ["SwarmCore", "FileTree", "Metainfo"],
            path: "Tests/SwarmTestSupport", swiftSettings: strict),
        // A stock libtorrent, to compare with what is written here.
        .target(
            name: "CLibtorrentOracle", path: "Tests/CLibtorrentOracle", cxxSettings: libtorrentDefines,
            linkerSettings: [.linkedLibrary("torrent-rasterbar")]),
        .testTarget(name: "SwarmCoreTests", dependencies: ["SwarmCore"], swiftSettings: strict),
        .testTarget(
            name: "MetainfoTests", dependencies: ["Metainfo", "SwarmCore", "CLibtorrentOracle", "SwarmTestSupport"],
            swiftSettings: strictOverC),
        .testTarget(
            name: "TorrentEngineTests", dependencies: ["TorrentEngine", "SwarmCore", "Metainfo", "SwarmTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ConfigurationFileTests", dependencies: ["ConfigurationFile", "SwarmCore", "SwarmTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "FileTreeTests", dependencies: ["FileTree", "SwarmCore", "SwarmTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "AddressDatabaseTests", dependencies: ["AddressDatabase", "SwarmCore", "SwarmTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PublishingTests",
            dependencies: ["Publishing", "Metainfo", "SwarmCore", "FileTree", "SwarmTestSupport", logging],
            swiftSettings: strict),
        .testTarget(
            name: "MirroringTests",
            dependencies: [
                "Mirroring", "TorrentEngine", "Metainfo", "SwarmCore", "FileTree", "SwarmTestSupport", asyncHTTPClient,
                logging, grdb,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ContentServerTests", dependencies: ["ContentServer", "Metainfo", "SwarmCore", "SwarmTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "TrackerCoreTests", dependencies: ["TrackerCore", "SwarmCore", "SwarmTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PlaceDatabasesTests",
            dependencies: ["PlaceDatabases", "TrackerCore", "SwarmCore", "SwarmTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TrackerServerTests",
            dependencies: [
                "TrackerServer", "TrackerCore", "PlaceDatabases", "SwarmCore", "Metainfo", "ConfigurationFile",
                "SwarmTestSupport", "swarm-tracker", "swarm-publish", nioCore, nioEmbedded, nioHTTP1,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "SwarmCore", "Metainfo", "TorrentEngine", "ContentServer", "SwarmTestSupport", "swarm-publish",
                "swarm-node", "swarm-tracker",
            ],
            swiftSettings: strict),

        // The benchmark, and the bare BitTorrent client that it compares with.
        .target(
            name: "SwarmBenchmark", dependencies: ["SwarmCore", "FileTree", "SwarmTestSupport"],
            path: "Tests/Benchmarks/SwarmBenchmark", swiftSettings: strict),
        .executableTarget(
            name: "swarm-bench", dependencies: ["SwarmBenchmark", argumentParser], path: "Tests/Benchmarks/swarm-bench",
            swiftSettings: strict),
        .executableTarget(
            name: "bare-client", dependencies: ["CLibtorrent"], path: "Tests/Benchmarks/bare-client",
            cxxSettings: libtorrentDefines + [.headerSearchPath("../../../CShims/CLibtorrent")]),
        .testTarget(
            name: "SwarmBenchmarkTests", dependencies: ["SwarmBenchmark", "SwarmTestSupport"], swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
