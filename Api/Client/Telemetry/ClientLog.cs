using Microsoft.Extensions.Logging;

namespace OrleansStream.Client.Telemetry;

/// <summary>What the client tells its program's log, under the category <see cref="ClientTelemetry.Name"/>. No message has a key, a token or a record.</summary>
internal static partial class ClientLog
{
    /// <summary>A key or a token goes over a network without encryption. It is told once for a client.</summary>
    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The key or token by which this client signs in goes to {Node} without encryption, so whoever sees the traffic can use it: use https")]
    public static partial void SignsInInTheClear(ILogger log, Uri node);

    /// <summary>A node is left for the next one.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Node} does not serve ({Reason}): further requests go to {Next}")]
    public static partial void GoesOn(ILogger log, Uri node, string reason, Uri next);

    /// <summary>A request is repeated.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Path} failed ({Reason}): try {Attempt} follows in {Delay}")]
    public static partial void Repeats(ILogger log, HttpMethod? method, string? path, string reason, int attempt, TimeSpan delay);

    /// <summary>A call that must succeed is made again.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "A call of member {Member} of group '{Group}' failed ({Reason}): it is made again in {Delay}")]
    public static partial void CallsAgain(ILogger log, string member, string group, string reason, TimeSpan delay);

    /// <summary>A fetch is made again.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "A fetch of {Topic}/{Partition} failed ({Reason}): it is made again in {Delay}")]
    public static partial void FetchesAgain(ILogger log, string topic, int partition, string reason, TimeSpan delay);

    /// <summary>A member has other partitions.</summary>
    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Member {Member} of group '{Group}' has {Count} partitions: it got [{Assigned}], and handed over [{Revoked}]")]
    public static partial void Rebalanced(ILogger log, string member, string group, int count, string assigned, string revoked);

    /// <summary>Partitions were taken from a member.</summary>
    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Member {Member} of group '{Group}' has lost [{Lost}]: nothing was heard of it for longer than its lease, or its place was taken")]
    public static partial void Lost(ILogger log, string member, string group, string lost);

    /// <summary>Offsets cannot be read, and are passed over.</summary>
    [LoggerMessage(
        Level = LogLevel.Error, Message = "Group '{Group}' passes over {Topic}/{Partition}, offsets {First} to {Last}, which nobody can read: {Reason}")]
    public static partial void PassesOver(ILogger log, string group, string topic, int partition, long first, long last, string reason);

    /// <summary>Offsets cannot be read, and a reader passes over them.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Topic}/{Partition} is read without the offsets {First} to {Last}, which nobody can read: {Reason}")]
    public static partial void ReaderPassesOver(ILogger log, string topic, int partition, long first, long last, string reason);

    /// <summary>A value cannot be read by the program's serializer, which ends the reader or the consumer.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "The value of {Topic}/{Partition}, offset {Offset}, cannot be read: its serializer threw {Exception}")]
    public static partial void ValueCannotBeRead(ILogger log, string topic, int partition, long offset, string exception);

    /// <summary>Records are not stored, or not known to be.</summary>
    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} records of {Topic}/{Partition} are {Outcome}: {ErrorCode}, {Reason}")]
    public static partial void NotStored(ILogger log, int count, string topic, int partition, string outcome, string errorCode, string reason);

    /// <summary>The service does not know a producer any more.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "{Topic}/{Partition} does not know the producer ({ErrorCode}): it goes on under another identity")]
    public static partial void ChangesIdentity(ILogger log, string topic, int partition, string errorCode);

    /// <summary>A record could not be worked on.</summary>
    [LoggerMessage(Level = LogLevel.Warning, Message = "Group '{Group}' could not work on {Topic}/{Partition}, offset {Offset}: {Reason}")]
    public static partial void RecordFailed(ILogger log, string group, string topic, int partition, long offset, string reason);
}
