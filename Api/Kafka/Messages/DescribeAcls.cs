using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DescribeAcls, versions 1 to 3 (KIP-140, KIP-290).</summary>
/// <param name="Filter">Which entries are asked for.</param>
/// <remarks>Version 0 knows no prefixes; 2 is the first flexible one; 3 adds a kind of resource that is not here.</remarks>
internal readonly record struct DescribeAclsRequest(AclFilter Filter)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DescribeAcls, Min: 1, Max: 3, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static DescribeAclsRequest Read(WireReader reader) => new(AclFilter.Read(ref reader));
}

/// <summary>The answer to DescribeAcls.</summary>
/// <param name="Outcome">Why nothing is told.</param>
/// <param name="Entries">The entries.</param>
internal readonly record struct DescribeAclsAnswer(AclOutcome Outcome, IReadOnlyList<AclEntry> Entries)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        Outcome.Write(answer);
        answer.WriteArray(Entries.GroupBy(entry => (entry.Resource, entry.Name, entry.Pattern)).ToArray(), (to, resource) =>
        {
            AclEntry[] entries = [.. resource];
            entries[0].WriteResource(to);
            to.WriteArray(entries, (each, entry) => entry.WriteOperation(each));
        });
        answer.WriteNoTags();
    }
}
