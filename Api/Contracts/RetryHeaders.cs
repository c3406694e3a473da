namespace OrleansStream.Contracts;

/// <summary>
/// The headers that tell the story of a dead letter. The service writes them as UTF-8 into the record, after the record's own headers.
/// </summary>
public static class RetryHeaders
{
    /// <summary>The topic that the record came from.</summary>
    public const string Topic = "retry.topic";

    /// <summary>Its partition there.</summary>
    public const string Partition = "retry.partition";

    /// <summary>Its offset there.</summary>
    public const string Offset = "retry.offset";

    /// <summary>How often it was tried.</summary>
    public const string Attempt = "retry.attempt";

    /// <summary>When it first failed, by RFC 3339 in milliseconds.</summary>
    public const string FirstFailure = "retry.first_failure";

    /// <summary>Why it failed the last time; empty when the group's member gave no reason.</summary>
    public const string Reason = "retry.reason";
}
