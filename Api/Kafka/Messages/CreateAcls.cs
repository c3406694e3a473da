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
    /// <param name="reader">Reads the body.</param>
    public static CreateAclsRequest Read(WireReader reader)
    {
        var entries = reader.ReadArray(AclEntry.BytesMin, AclEntry.Read);
        reader.SkipTags();
        return new CreateAclsRequest(entries);
    }
}

/// <summary>The answer to CreateAcls.</summary>
/// <param name="Outcomes">What became of each entry, in the request's order.</param>
internal readonly record struct CreateAclsAnswer(IReadOnlyList<AclOutcome> Outcomes)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteArray(Outcomes, (to, outcome) => outcome.Write(to));
        answer.WriteNoTags();
    }
}
