using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DeleteAcls, versions 1 to 3 (KIP-140, KIP-290).</summary>
/// <param name="Filters">Which entries to remove: those that any of them means.</param>
/// <remarks>As <see cref="DescribeAclsRequest"/>.</remarks>
internal readonly record struct DeleteAclsRequest(AclFilter[] Filters)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DeleteAcls, Min: 1, Max: 3, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static DeleteAclsRequest Read(WireReader reader)
    {
        var filters = reader.ReadArray(AclFilter.BytesMin, AclFilter.Read);
        reader.SkipTags();
        return new DeleteAclsRequest(filters);
    }
}

/// <summary>What became of a filter's entries.</summary>
/// <param name="Outcome">Why none of them was removed.</param>
/// <param name="Entries">The entries that it means.</param>
internal readonly record struct DeleteAclsResult(AclOutcome Outcome, IReadOnlyList<AclEntry> Entries);

/// <summary>The answer to DeleteAcls.</summary>
/// <param name="Results">What became of each filter's entries, in the request's order.</param>
internal readonly record struct DeleteAclsAnswer(IReadOnlyList<DeleteAclsResult> Results)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteArray(Results, (to, result) =>
        {
            result.Outcome.Write(to);
            to.WriteArray(result.Entries, WriteRemoved);
        });
        answer.WriteNoTags();
    }

    private static void WriteRemoved(WireWriter answer, AclEntry entry)
    {
        AclOutcome.Done.Write(answer);
        entry.WriteResource(answer);
        entry.WriteOperation(answer);
    }
}
