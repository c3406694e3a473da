using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>A redrive: dead letters on their way back to their topics.</summary>
/// <param name="Wish">Which dead letters.</param>
/// <param name="StartedMs">When it was asked for, in milliseconds since the Unix epoch.</param>
/// <param name="EndedMs">When it was done or stopped; null while it runs.</param>
/// <param name="RedrivenCount">The count of those that went back.</param>
/// <param name="KeptCount">The count of those that stay dead letters.</param>
/// <param name="Topics">Its progress in each stretch of a log.</param>
internal sealed record Redrive(
    RedriveWish Wish, long StartedMs, long? EndedMs, long RedrivenCount, long KeptCount, ImmutableArray<RedriveTopic> Topics)
{
    /// <summary>The count of those that were deleted before the redrive reached them.</summary>
    public long GoneCount { get; init; }

    /// <summary>Why some did not go back.</summary>
    public ImmutableArray<RedriveReason> Reasons { get; init; } = [];

    /// <summary>
    /// Stretches left in place, because their dead letters could neither go back nor be copied to the end. The next redrive begins with them.
    /// </summary>
    public ImmutableArray<RedriveTopic> Left { get; init; } = [];

    /// <summary>The count of dead letters that it has still to look at.</summary>
    public long LeftCount() => Topics.Sum(topic => topic.LeftCount);
}

/// <summary>A reason why dead letters did not go back.</summary>
/// <param name="Reason">The kind of reason.</param>
/// <param name="Count">The count of dead letters that it kept.</param>
/// <param name="Detail">A sentence about the last of them; null when there is none.</param>
internal sealed record RedriveReason(string Reason, long Count, string? Detail);

/// <summary>What a step of a redrive did.</summary>
/// <param name="Next">The offset of the first dead letter that is still to be taken.</param>
/// <param name="RedrivenCount">The count of those that went back.</param>
/// <param name="KeptCount">The count of those that stay dead letters.</param>
/// <param name="GoneCount">The count of those that had been deleted.</param>
/// <param name="Reasons">Why some did not go back.</param>
/// <param name="Left">The stretches of kept ones that the next redrive must look at again in place.</param>
internal sealed record RedriveProgress(
    long Next, long RedrivenCount, long KeptCount, long GoneCount, ImmutableArray<RedriveReason> Reasons, ImmutableArray<RedriveTopic> Left);

/// <summary>The filter of a redrive. A null member matches all dead letters.</summary>
/// <param name="Topic">Only dead letters of this topic.</param>
/// <param name="Key">Only dead letters with this key.</param>
/// <param name="Reason">Only dead letters whose reason contains this text.</param>
internal sealed record RedriveWish(string? Topic, string? Key, string? Reason);

/// <summary>A stretch of a log of dead letters, and how far a redrive has come in it. Stretches of one log do not overlap.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="Next">The offset of the first dead letter that is still to be taken.</param>
/// <param name="End">The offset at which the stretch ends. For the last stretch it is the end of the log when the redrive was asked for.</param>
internal sealed record RedriveTopic(string Name, Guid Id, long Next, long End)
{
    /// <summary>The count of offsets that are left.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long LeftCount => Math.Max(0, End - Next);
}
