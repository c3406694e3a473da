namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>Why a live tail passes over offsets.</summary>
public enum TailGapReason
{
    /// <summary>The records were deleted, by retention or by a request, before they were read.</summary>
    RecordsDeleted,

    /// <summary>The offset lies beyond the end of the log, which has lost records.</summary>
    OffsetBeyondEnd,

    /// <summary>The topic was deleted and created anew. The tail goes on at the start of the new one.</summary>
    TopicRecreated,
}

/// <summary>Offsets that a live tail passes over.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="From">Where it stood.</param>
/// <param name="To">Where it goes on.</param>
/// <param name="Reason">Why.</param>
/// <param name="TopicId">The topic in which it goes on.</param>
public readonly record struct TailGap(int Partition, long From, long To, TailGapReason Reason, Guid TopicId);
