using System.Text.Json;
using OrleansStream.Storage;

namespace OrleansStream.Clustering;

/// <summary>The whole membership table of a cluster in one document, so that each change is one compare-and-swap.</summary>
/// <param name="Format">The format, <see cref="FormatVersion"/>.</param>
/// <param name="Generation">Random at each creation: after a deletion no old version's etag comes back.</param>
/// <param name="Version">The table's version. It moves with every change but a sign of life.</param>
/// <param name="Rows">The silos, by address.</param>
internal sealed record MembershipDocument(int Format, Guid Generation, int Version, SortedDictionary<string, MembershipRow> Rows)
{
    /// <summary>The format written, and the only one read.</summary>
    public const int FormatVersion = 1;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>The table's version as Orleans knows it.</summary>
    public TableVersion TableVersion => new(Version, $"{Generation:N}/{Version}");

    /// <summary>The document's name.</summary>
    /// <param name="clusterId">The cluster; letters, digits, '.' and '-'.</param>
    public static string NameOf(string clusterId) => $"cluster/{clusterId}/membership.json";

    /// <summary>An empty table.</summary>
    /// <param name="generation">A new id, which tells the table from an earlier one of its name.</param>
    public static MembershipDocument Create(Guid generation) => new(FormatVersion, generation, 0, new(StringComparer.Ordinal));

    /// <summary>Reads a table.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="bytes">Its content.</param>
    /// <exception cref="CorruptDocumentException">The bytes are not such a document. This must not be mistaken for an empty table.</exception>
    public static MembershipDocument Parse(string name, ReadOnlySpan<byte> bytes)
    {
        try
        {
            var table = JsonSerializer.Deserialize<MembershipDocument>(bytes, Json);
            if (table is { Format: FormatVersion, Rows: not null })
                return table;
            throw new CorruptDocumentException(name, $"its format is {table?.Format}, not {FormatVersion}.");
        }
        catch (JsonException e)
        {
            throw new CorruptDocumentException(name, "it is no membership table.", e);
        }
    }

    /// <summary>The document's content.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>The silos that take clients.</summary>
    public IEnumerable<MembershipEntry> Gateways() =>
        Rows.Values.Select(row => row.ToEntry()).Where(entry => entry is { Status: SiloStatus.Active, ProxyPort: not 0 });
}

/// <summary>One silo of the table.</summary>
internal sealed record MembershipRow
{
    /// <summary>Names this version of the row. A sign of life leaves it as it is.</summary>
    public required string ETag { get; init; }

    /// <summary>The silo's address, as text that parses back.</summary>
    public required string Address { get; init; }

    /// <summary>The silo's state.</summary>
    public required SiloStatus Status { get; init; }

    /// <summary>Who suspects it, and since when.</summary>
    public required List<MembershipSuspicion> Suspicions { get; init; }

    /// <summary>Its gateway's port, 0 when it has none.</summary>
    public required int ProxyPort { get; init; }

    /// <summary>The machine's name.</summary>
    public string? HostName { get; init; }

    /// <summary>The silo's name.</summary>
    public string? SiloName { get; init; }

    /// <summary>The silo's role.</summary>
    public string? RoleName { get; init; }

    /// <summary>Its update zone.</summary>
    public int UpdateZone { get; init; }

    /// <summary>Its fault zone.</summary>
    public int FaultZone { get; init; }

    /// <summary>When it started.</summary>
    public required DateTime StartTime { get; init; }

    /// <summary>When it last said that it is alive.</summary>
    public required DateTime IAmAliveTime { get; init; }

    /// <summary>Makes a row of an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="eTag">The row's new etag.</param>
    public static MembershipRow Of(MembershipEntry entry, string eTag) => new()
    {
        ETag = eTag,
        Address = entry.SiloAddress.ToParsableString(),
        Status = entry.Status,
        Suspicions = [.. (entry.SuspectTimes ?? []).Select(s => new MembershipSuspicion(s.Item1.ToParsableString(), s.Item2))],
        ProxyPort = entry.ProxyPort,
        HostName = entry.HostName,
        SiloName = entry.SiloName,
        RoleName = entry.RoleName,
        UpdateZone = entry.UpdateZone,
        FaultZone = entry.FaultZone,
        StartTime = entry.StartTime,
        IAmAliveTime = entry.IAmAliveTime,
    };

    /// <summary>The row as Orleans knows it.</summary>
    public MembershipEntry ToEntry() => new()
    {
        SiloAddress = SiloAddress.FromParsableString(Address),
        Status = Status,
        SuspectTimes = [.. Suspicions.Select(s => Tuple.Create(SiloAddress.FromParsableString(s.By), s.At))],
        ProxyPort = ProxyPort,
        HostName = HostName ?? "",
        SiloName = SiloName ?? "",
        RoleName = RoleName,
        UpdateZone = UpdateZone,
        FaultZone = FaultZone,
        StartTime = StartTime,
        IAmAliveTime = IAmAliveTime,
    };
}

/// <summary>One silo's suspicion of another.</summary>
/// <param name="By">The suspecting silo's address.</param>
/// <param name="At">When it voted.</param>
internal readonly record struct MembershipSuspicion(string By, DateTime At);
