namespace OrleansStream.Rest.Groups;

/// <summary>The bounds of requests to groups.</summary>
internal static class GroupRequestLimits
{
    /// <summary>The longest body of a request to a group, in bytes.</summary>
    public const int GroupBodyBytesMax = 2 * 1024 * 1024;

    /// <summary>The records in an answer to a poll when the request does not say.</summary>
    public const int PollRecordsDefault = 500;

    /// <summary>The longest wait of a poll, in milliseconds. It is shorter than what proxies commonly cut.</summary>
    public const int PollWaitMsMax = 50_000;

    /// <summary>The groups on a page when the request does not say.</summary>
    public const int GroupPageDefault = 100;
}
