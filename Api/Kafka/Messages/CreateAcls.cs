using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of CreateAcls, versions 1 to 3 (KIP-140, KIP-290).</summary>
/// <param name="Entries">The entries to add.</param>
/// <remarks>As <see cref="DescribeAclsRequest"/>.</remarks>
internal readonly record struct CreateAclsRequest(AclEntry[] Entries)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.CreateAcls, Min: 1, Max: 3, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Its body.</param>
    public static CreateAclsRequest Read(WireReader reader)
    {
        var entries = new AclEntry[reader.ReadArrayLength(AclEntry.BytesMin)];
        for (var i = 0; i < entries.Length; i++)
            entries[i] = AclEntry.Read(ref reader);
        reader.SkipTags();
        return new CreateAclsRequest(entries);
    }
}

/// <summary>The answer to CreateAcls.</summary>
/// <param name="Outcomes">What became of each entry, in the request's order.</param>
internal readonly record struct CreateAclsAnswer(IReadOnlyList<AclOutcome> Outcomes)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Where to.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteArrayLength(Outcomes.Count);
        foreach (var outcome in Outcomes)
        {
            outcome.Write(answer);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
