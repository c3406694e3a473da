namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>Why a live tail skips offsets.</summary>
public enum TailGapReason
{
    /// <summary>The records were deleted, by retention or by a request, before they were read.</summary>
    RecordsDeleted,

    /// <summary>The offset lies beyond the end of the log, which has lost records.</summary>
    OffsetBeyondEnd,

    /// <summary>The topic was deleted and created again. The tail goes on at the start of the new topic.</summary>
    TopicRecreated,
}

/// <summary>Offsets that a live tail skips.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="From">The offset that was next.</param>
/// <param name="To">The offset at which the tail goes on.</param>
/// <param name="Reason">Why the offsets are skipped.</param>
/// <param name="TopicId">The topic in which the tail goes on.</param>
public readonly record struct TailGap(int Partition, long From, long To, TailGapReason Reason, Guid TopicId);
