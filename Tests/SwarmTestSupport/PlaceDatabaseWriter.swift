import Foundation

/// Writes databases of places in MaxMind's format, by Debian's libmaxmind-db-writer-perl.
public enum PlaceDatabaseWriter {
    /// Whether Perl has the module.
    public static var isPossible: Bool { (try? run("exit 0;", [])) != nil }

    /// Writes a database of cities: what each network has, as the inside of a Perl hash.
    public static func city(_ networks: [String: String], to path: String) throws {
        try write("GeoLite2-City", networks, to: path)
    }

    /// Writes a database of autonomous systems.
    public static func asn(_ networks: [String: Int], to path: String) throws {
        try write("GeoLite2-ASN", networks.mapValues { "autonomous_system_number => \($0)" }, to: path)
    }

    private static func write(_ type: String, _ networks: [String: String], to path: String) throws {
        let lines = networks.map { "$tree->insert_network('\($0.key)', {\($0.value)});" }.joined(separator: "\n")
        let script = """
            my %types = (country => 'map', continent => 'map', registered_country => 'map', location => 'map',
                iso_code => 'utf8_string', code => 'utf8_string', latitude => 'double', longitude => 'double',
                autonomous_system_number => 'uint32');
            my $tree = MaxMind::DB::Writer::Tree->new(ip_version => 6, record_size => 28, database_type => '\(type)',
                languages => ['en'], description => { en => 'for tests' }, remove_reserved_networks => 0,
                map_key_type_callback => sub { $types{$_[0]} });
            \(lines)
            open my $file, '>:raw', $ARGV[0] or die $!;
            $tree->write_tree($file);
            close $file or die $!;
            """
        // In its place by a rename, as who updates such files does it.
        try run(script, ["\(path).new"])
        guard rename("\(path).new", path) == 0 else { throw SystemCallFailure("rename", path) }
    }

    private static func run(_ script: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/perl")
        process.arguments = ["-MMaxMind::DB::Writer::Tree", "-e", script] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ProgramFailure("perl writes no database; is libmaxmind-db-writer-perl installed?")
        }
    }
}
